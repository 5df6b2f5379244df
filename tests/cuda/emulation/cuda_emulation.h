// SPDX-License-Identifier: MIT
// Replaces <cuda_runtime.h> when an ordinary C++ compiler compiles CUDA sources for tests. It has the parts of the
// language and of the runtime that this project's kernels use, on top of machine.h. Streams are synchronous: work is
// done when its call returns.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <source_location>
#include <type_traits>

#include "emulation/machine.h"
#include "emulation/memory.h"

// ---- language
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __restrict__ __restrict
// Blocks run one after another on one operating-system thread, and every write of a block comes before those of the
// next.
#define __shared__ static
#define threadIdx (::emulation::thread_index())
#define blockIdx (::emulation::block_index())
#define blockDim (::emulation::block_dim())
#define gridDim (::emulation::grid_dim())

using dim3 = emulation::Dim3;

struct alignas(16) float4 {
  float x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

// ---- barriers and warps
inline void __syncthreads(const std::source_location &at = std::source_location::current()) { emulation::barrier(at); }
inline void __syncwarp(unsigned mask = 0xffffffffu, const std::source_location &at = std::source_location::current()) {
  emulation::warp_operation(emulation::WarpOp::kSync, mask, 0, 0, at);
}

namespace emulation {
inline unsigned lane() { return (thread_index().x + block_dim().x * (thread_index().y + block_dim().y * thread_index().z)) % 32; }
template <typename T>
T shuffle(unsigned mask, T value, int source, const std::source_location &at) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = warp_operation(WarpOp::kShuffle, mask, bits, source, at);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
}  // namespace emulation

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, const std::source_location &at = std::source_location::current()) {
  const int lane = static_cast<int>(emulation::lane());
  return emulation::shuffle(mask, value, lane / width * width + (source & (width - 1)), at);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, const std::source_location &at = std::source_location::current()) {
  const int lane = static_cast<int>(emulation::lane()), source = lane ^ lanes;
  return emulation::shuffle(mask, value, source / width > lane / width ? lane : source, at);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, const std::source_location &at = std::source_location::current()) {
  const int lane = static_cast<int>(emulation::lane()), source = lane - static_cast<int>(delta);
  return emulation::shuffle(mask, value, source < lane / width * width ? lane : source, at);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, const std::source_location &at = std::source_location::current()) {
  const int lane = static_cast<int>(emulation::lane()), source = lane + static_cast<int>(delta);
  return emulation::shuffle(mask, value, source >= lane / width * width + width ? lane : source, at);
}
inline unsigned __ballot_sync(unsigned mask, int value, const std::source_location &at = std::source_location::current()) {
  return static_cast<unsigned>(emulation::warp_operation(emulation::WarpOp::kBallot, mask, value != 0, 0, at));
}
inline int __any_sync(unsigned mask, int value, const std::source_location &at = std::source_location::current()) {
  return __ballot_sync(mask, value, at) != 0;
}
inline int __all_sync(unsigned mask, int value, const std::source_location &at = std::source_location::current()) {
  return __ballot_sync(mask, value, at) == mask;
}
inline unsigned __match_any_sync(unsigned mask, unsigned value, const std::source_location &at = std::source_location::current()) {
  return static_cast<unsigned>(emulation::warp_operation(emulation::WarpOp::kMatchAny, mask, value, 0, at));
}
inline unsigned __reduce_add_sync(unsigned mask, unsigned value, const std::source_location &at = std::source_location::current()) {
  return static_cast<unsigned>(emulation::warp_operation(emulation::WarpOp::kReduceAdd, mask, value, 0, at));
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value, const std::source_location &at = std::source_location::current()) {
  return static_cast<unsigned>(emulation::warp_operation(emulation::WarpOp::kReduceMin, mask, value, 0, at));
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value, const std::source_location &at = std::source_location::current()) {
  return static_cast<unsigned>(emulation::warp_operation(emulation::WarpOp::kReduceMax, mask, value, 0, at));
}

// ---- atomics: real ones, so that ThreadSanitizer recognises them
template <typename T>
T atomicAdd(T *address, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    T old;
    __atomic_load(address, &old, __ATOMIC_RELAXED);
    T sum = old + value;
    while (!__atomic_compare_exchange(address, &old, &sum, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) sum = old + value;
    return old;
  } else {
    return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
  }
}
template <typename T>
T atomicCAS(T *address, T compare, T value) {
  __atomic_compare_exchange_n(address, &compare, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return compare;
}
template <typename T>
T atomicExch(T *address, T value) {
  T old;
  __atomic_exchange(address, &value, &old, __ATOMIC_RELAXED);
  return old;
}
template <typename T>
T atomicMax(T *address, T value) {
  T old = __atomic_load_n(address, __ATOMIC_RELAXED);
  while (old < value && !__atomic_compare_exchange_n(address, &old, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}
template <typename T>
T atomicMin(T *address, T value) {
  T old = __atomic_load_n(address, __ATOMIC_RELAXED);
  while (value < old && !__atomic_compare_exchange_n(address, &old, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}

// ---- runtime
enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2, cudaErrorLaunchFailure = 719 };
enum cudaMemcpyKind { cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice, cudaMemcpyDefault };
struct CUstream_st;
using cudaStream_t = CUstream_st *;

inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char *cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : error == cudaErrorMemoryAllocation ? "out of memory" : "invalid argument";
}
inline cudaError_t cudaGetDeviceCount(int *count) {
  *count = 1;
  return cudaSuccess;
}
template <typename T>
cudaError_t cudaMalloc(T **memory, size_t bytes) {
  *memory = static_cast<T *>(emulation::device_allocate(bytes));
  return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}
inline cudaError_t cudaFree(void *memory) { return !memory || emulation::device_free(memory) ? cudaSuccess : cudaErrorInvalidValue; }
constexpr unsigned cudaHostAllocDefault = 0;
inline cudaError_t cudaHostAlloc(void **memory, size_t bytes, unsigned) {
  *memory = std::malloc(bytes);
  return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}
inline cudaError_t cudaFreeHost(void *memory) {
  std::free(memory);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind) {
  const emulation::DeviceAccess access;
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t = nullptr) {
  return cudaMemcpy(to, from, bytes, kind);
}
inline cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t rows, cudaMemcpyKind,
                                     cudaStream_t = nullptr) {
  if (width > to_pitch || width > from_pitch) return cudaErrorInvalidValue;
  const emulation::DeviceAccess access;
  for (size_t row = 0; row < rows; ++row)
    std::memcpy(static_cast<char *>(to) + row * to_pitch, static_cast<const char *>(from) + row * from_pitch, width);
  return cudaSuccess;
}
inline cudaError_t cudaMemset(void *memory, int value, size_t bytes) {
  const emulation::DeviceAccess access;
  std::memset(memory, value, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }

// Streams are synchronous, so an event has happened as soon as it is recorded. Only its existence is kept.
struct CUevent_st {};
using cudaEvent_t = CUevent_st *;
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2, cudaEventBlockingSync = 1;
inline cudaError_t cudaGetDevice(int *device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidValue; }
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned) {
  *stream = reinterpret_cast<cudaStream_t>(new char);
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete reinterpret_cast<char *>(stream);
  return cudaSuccess;
}
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) {
  *event = new CUevent_st;
  return cudaSuccess;
}
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) { return event ? cudaSuccess : cudaErrorInvalidValue; }
inline cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t event, unsigned) { return event ? cudaSuccess : cudaErrorInvalidValue; }
inline cudaError_t cudaEventSynchronize(cudaEvent_t event) { return event ? cudaSuccess : cudaErrorInvalidValue; }
