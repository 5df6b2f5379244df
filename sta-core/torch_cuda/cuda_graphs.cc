// SPDX-License-Identifier: MIT
// libsta-torch-cuda: forward passes as CUDA graphs, with LibTorch's at::cuda::CUDAGraph. It is thin on purpose, because
// it needs a GPU to run. model/graph_cache.cc decides what is captured and when, and tests cover that.
//
// Graphs are captured in a separate stream, because the default stream cannot be captured. They share one memory pool,
// so two graphs must never run at the same time. The cache's lock ensures this on the host, and last_use on the device.
#include <ATen/core/Tensor.h>
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "torch_cuda/graph_backend.h"

namespace sta {
namespace {

using c10::cuda::CUDAEvent;
using c10::cuda::CUDAStream;

// What all graphs of a backend share. It lives until the backend and its last graph are gone.
struct Shared {
  explicit Shared(c10::DeviceIndex index) : device(index), stream(c10::cuda::getStreamFromPool(false, index)), pool(at::cuda::graph_pool_handle()) {}
  const c10::DeviceIndex device;
  const CUDAStream stream;  // captures happen here
  const at::cuda::MempoolId_t pool;
  CUDAEvent last_use;  // event: the last use of the pool's memory
};

class Graph : public CapturedForward {
 public:
  Graph(std::shared_ptr<Shared> shared, const at::Tensor &clip, const GraphBackend::Forward &forward) : shared_(std::move(shared)) {
    const CUDAStream caller = c10::cuda::getCurrentCUDAStream(shared_->device);
    input_ = at::empty(clip.sizes(), clip.options().device(at::Device(at::kCUDA, shared_->device)));
    input_.copy_(clip);
    CUDAEvent ready;
    ready.record(caller);
    ready.block(shared_->stream);
    {
      const c10::cuda::CUDAStreamGuard guard(shared_->stream);
      forward(input_);  // the first pass in this stream: libraries make their workspaces for it
      shared_->stream.synchronize();
      // ThreadLocal: other threads may go on allocating, because their calls do not belong to this capture.
      graph_.capture_begin(shared_->pool, cudaStreamCaptureModeThreadLocal);
      try {
        output_ = forward(input_);
      } catch (...) {
        abandon();
        throw;
      }
      graph_.capture_end();
    }
  }

  ForwardOutput replay(const at::Tensor &clip) override {
    const c10::cuda::CUDAGuard guard(shared_->device);
    const CUDAStream caller = c10::cuda::getCurrentCUDAStream(shared_->device);
    shared_->last_use.block(caller);
    input_.copy_(clip, /*non_blocking=*/true);
    graph_.replay();
    // Copy the results: the next replay of any graph overwrites them.
    ForwardOutput out;
    out.logits = output_.logits.clone();
    out.features = output_.features.clone();
    for (const at::Tensor &kept : output_.kept) out.kept.push_back(kept.clone());
    shared_->last_use.record(caller);
    return out;
  }

 private:
  // Ends the capture, whatever state it is in, because the stream must leave it. If the capture is invalid, capture_end
  // throws before it has told the allocator. The allocator would then go on taking this stream's memory from the pool
  // and never give the pool back.
  void abandon() {
    try {
      graph_.capture_end();
    } catch (const c10::Error &) {
      c10::cuda::CUDACachingAllocator::endAllocateToPool(shared_->device, shared_->pool);
      c10::cuda::CUDACachingAllocator::releasePool(shared_->device, shared_->pool);
    }
    output_ = {};
  }

  const std::shared_ptr<Shared> shared_;
  at::Tensor input_;
  ForwardOutput output_;  // in the pool
  at::cuda::CUDAGraph graph_;
};

class Graphs : public GraphBackend {
 public:
  explicit Graphs(c10::DeviceIndex device) : shared_(std::make_shared<Shared>(device)) {}
  std::unique_ptr<CapturedForward> capture(const at::Tensor &clip, const Forward &forward) override {
    const c10::cuda::CUDAGuard guard(shared_->device);
    return std::make_unique<Graph>(shared_, clip, forward);
  }

 private:
  const std::shared_ptr<Shared> shared_;
};

}  // namespace
}  // namespace sta

extern "C" __attribute__((visibility("default"))) uint32_t sta_torch_cuda_abi() { return sta::kTorchCudaAbi; }
/// The caller owns it.
extern "C" __attribute__((visibility("default"))) sta::GraphBackend *sta_torch_cuda_graphs(int device) {
  return new sta::Graphs(static_cast<c10::DeviceIndex>(device));
}
