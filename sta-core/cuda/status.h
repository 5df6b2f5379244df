// SPDX-License-Identifier: MIT
// Helpers of libsta-cuda's entry points: they report errors, and check whether pointers allow vector loads.
#pragma once

#include <cstdint>
#include <cstdio>
#include <initializer_list>

#include "cuda/numeric.h"
#include "cuda/sta_cuda.h"

namespace sta::cuda {

/// Writes "what: why" into message (if it is not NULL) and returns status.
inline sta_cuda_status report(sta_cuda_status status, const char *what, const char *why, char *message) {
  if (message) std::snprintf(message, STA_CUDA_MESSAGE, "%s: %s", what, why);
  return status;
}

/// Called after the launches: reports whether the runtime accepted them.
inline sta_cuda_status finish(const char *what, char *message) {
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? STA_CUDA_OK : report(STA_CUDA_FAILED, what, cudaGetErrorString(error), message);
}

inline bool aligned16(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

/// Whether rows at `base` can be read eight elements at a time: base and all strides are multiples of 16 bytes, and of
/// eight elements.
template <typename T>
bool is_packed(const void *base, std::initializer_list<int64_t> strides) {
  bool packed = aligned16(base);
  for (const int64_t stride : strides) packed = packed && stride % kPack == 0;
  return packed;
}

}  // namespace sta::cuda
