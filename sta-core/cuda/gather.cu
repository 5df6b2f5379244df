// SPDX-License-Identifier: MIT
// Gathers the kept tokens. The LayerNorm of the following block reads them next. So a warp that has loaded a row writes
// the row and its normalised form at once. That takes one launch and one pass over memory instead of two of each.
//
// Mean and variance are computed in fp32, in two passes over the row; the second pass finds the row in the cache. In
// residual streams of large models the mean and a few channels are far larger than the rest, and there the one-pass
// formula loses digits.
#include "cuda/numeric.h"
#include "cuda/sta_cuda.h"
#include "cuda/status.h"

namespace sta::cuda {
namespace {

constexpr int kRowsPerBlock = 4;

// One warp computes one row of out [B·K,C].
template <typename T>
__global__ void __launch_bounds__(kRowsPerBlock *kWarpSize) gather_rows(sta_cuda_gather_args a, bool packed) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kRowsPerBlock + threadIdx.x / kWarpSize;
  if (row >= static_cast<int64_t>(a.batch) * a.kept_count) return;  // the whole warp returns; the block has no barrier
  const T *in = static_cast<const T *>(a.x) + row / a.kept_count * a.x_batch + a.kept[row] * a.x_token;
  T *out = static_cast<T *>(a.out) + row * a.channels;

  float values[kPack], sum = 0;
  for (int c = lane * kPack; c < a.channels; c += kWarpSize * kPack) {
    load8(in + c, a.channels - c, packed, values);
    store8(out + c, a.channels - c, packed, values);
    for (int i = 0; i < kPack; ++i) sum += values[i];
  }
  if (!a.normed) return;
  const float mean = warp_sum(sum) / static_cast<float>(a.channels);
  float square = 0;
  for (int c = lane * kPack; c < a.channels; c += kWarpSize * kPack) {
    load8(in + c, a.channels - c, packed, values);
    for (int i = 0; i < kPack; ++i)
      if (c + i < a.channels) square = fmaf(values[i] - mean, values[i] - mean, square);
  }
  const float scale = 1.0f / sqrtf(warp_sum(square) / static_cast<float>(a.channels) + a.eps);
  const T *weight = static_cast<const T *>(a.weight), *bias = static_cast<const T *>(a.bias);
  T *normed = static_cast<T *>(a.normed) + row * a.channels;
  for (int c = lane * kPack; c < a.channels; c += kWarpSize * kPack) {
    float gain[kPack], offset[kPack];
    load8(in + c, a.channels - c, packed, values);
    load8(weight + c, a.channels - c, packed, gain);
    load8(bias + c, a.channels - c, packed, offset);
    for (int i = 0; i < kPack; ++i) values[i] = fmaf((values[i] - mean) * scale, gain[i], offset[i]);
    store8(normed + c, a.channels - c, packed, values);
  }
}

template <typename T>
void launch_gather(const sta_cuda_gather_args &a, cudaStream_t stream) {
  bool packed = is_packed<T>(a.x, {a.x_batch, a.x_token, a.channels}) && aligned16(a.out);
  if (a.normed) packed = packed && aligned16(a.normed) && aligned16(a.weight) && aligned16(a.bias);
  const int64_t rows = static_cast<int64_t>(a.batch) * a.kept_count;
  STA_LAUNCH(gather_rows<T>, dim3(static_cast<unsigned>((rows + kRowsPerBlock - 1) / kRowsPerBlock)), dim3(kRowsPerBlock * kWarpSize), 0, stream, a,
             packed);
}

}  // namespace
}  // namespace sta::cuda

using namespace sta::cuda;

extern "C" sta_cuda_status sta_cuda_gather(const sta_cuda_gather_args *args, void *stream_pointer, char *message) {
  const sta_cuda_gather_args &a = *args;
  auto unsupported = [&](const char *why) { return report(STA_CUDA_UNSUPPORTED, "gathering tokens", why, message); };
  if (a.type < STA_CUDA_FP32 || a.type > STA_CUDA_BF16) return unsupported("type is none of fp32, fp16, bf16");
  if (a.batch < 1 || a.kept_count < 1 || a.channels < 1) return unsupported("batch, tokens and channels must be at least 1");
  if (!a.x || !a.kept || !a.out) return unsupported("a pointer is NULL");
  if (a.normed && (!a.weight || !a.bias)) return unsupported("a LayerNorm needs its weight and bias");
  const auto stream = static_cast<cudaStream_t>(stream_pointer);
  if (a.type == STA_CUDA_FP32) launch_gather<float>(a, stream);
  if (a.type == STA_CUDA_FP16) launch_gather<Half>(a, stream);
  if (a.type == STA_CUDA_BF16) launch_gather<Bfloat16>(a, stream);
  return finish("gathering tokens", message);
}
