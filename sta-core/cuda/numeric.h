// SPDX-License-Identifier: MIT
// Building blocks of the kernels: vector loads, sort keys, reductions over a warp.
#pragma once

#include <cstdint>
#include <cstring>

#include "cuda/platform.h"
#include "cuda/scalar.h"

namespace sta::cuda {

constexpr int kWarpSize = 32;
constexpr unsigned kAllLanes = 0xffffffffu;
// The smallest divisor. It is far below any value of real data and keeps degenerate input finite. Same as in
// pruning/sta.cc.
constexpr float kTiny = 1e-20f;

/// Eight neighbouring elements. They are loaded in pieces of 16 bytes, so their address must be a multiple of 16.
template <typename T>
struct alignas(16) Pack8 {
  T v[8];
};
constexpr int kPack = 8;

/// values[i] = row[i] for i < min(count, 8), the rest 0. packed: row is aligned to 16 bytes and 8 elements are there.
template <typename T>
__device__ __forceinline__ void load8(const T *row, int count, bool packed, float (&values)[kPack]) {
  if (packed) {
    const Pack8<T> pack = *reinterpret_cast<const Pack8<T> *>(row);
    for (int i = 0; i < kPack; ++i) values[i] = to_float(pack.v[i]);
  } else {
    for (int i = 0; i < kPack; ++i) values[i] = i < count ? to_float(row[i]) : 0.0f;
  }
}

template <typename T>
__device__ __forceinline__ void store8(T *row, int count, bool packed, const float (&values)[kPack]) {
  if (packed) {
    Pack8<T> pack;
    for (int i = 0; i < kPack; ++i) pack.v[i] = from_float<T>(values[i]);
    *reinterpret_cast<Pack8<T> *>(row) = pack;
  } else {
    for (int i = 0; i < kPack; ++i)
      if (i < count) row[i] = from_float<T>(values[i]);
  }
}

/// An integer that sorts as the float does. -0 counts as 0; NaN comes last.
__device__ __forceinline__ uint32_t sort_key(float v) {
  if (v != v) return 0xffffffffu;
  const uint32_t bits = bits_of(v + 0.0f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// Reductions over the 32 lanes. Every lane gets the result. The order of the sum is the same for all lanes: neighbours
// at distance 16 first.
__device__ __forceinline__ float warp_sum(float v) {
  for (int distance = kWarpSize / 2; distance > 0; distance /= 2) v += __shfl_xor_sync(kAllLanes, v, distance);
  return v;
}
__device__ __forceinline__ float warp_max(float v) {
  for (int distance = kWarpSize / 2; distance > 0; distance /= 2) v = fmaxf(v, __shfl_xor_sync(kAllLanes, v, distance));
  return v;
}
__device__ __forceinline__ float warp_min(float v) {
  for (int distance = kWarpSize / 2; distance > 0; distance /= 2) v = fminf(v, __shfl_xor_sync(kAllLanes, v, distance));
  return v;
}

}  // namespace sta::cuda
