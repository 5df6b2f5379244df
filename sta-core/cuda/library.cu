// SPDX-License-Identifier: MIT
// Functions about libsta-cuda as a whole: its version, the devices it sees, its count of launches.
#include <atomic>

#include "cuda/sta_cuda.h"
#include "cuda/status.h"

namespace sta::cuda {
namespace {
std::atomic<uint64_t> g_launches{0};
}
void count_launch() { g_launches.fetch_add(1, std::memory_order_relaxed); }
}  // namespace sta::cuda

using namespace sta::cuda;

extern "C" uint32_t sta_cuda_abi(void) { return STA_CUDA_ABI; }

extern "C" int sta_cuda_devices(char *message) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return count;
  cudaGetLastError();  // clears the failure, which the runtime remembers until somebody asks
  report(STA_CUDA_NO_DEVICE, "no CUDA device", error == cudaSuccess ? "the driver lists none" : cudaGetErrorString(error), message);
  return 0;
}

extern "C" uint64_t sta_cuda_launches(void) { return g_launches.load(std::memory_order_relaxed); }
