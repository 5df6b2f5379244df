// SPDX-License-Identifier: MIT
// Numbers on which host and device must agree bit for bit: the floating types as storage (all arithmetic is fp32), and
// the exponential. It needs neither CUDA nor the emulation, so tests can prepare input and compute references with it.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#include <cuda_fp16.h>
#define STA_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define STA_HOST_DEVICE inline
#endif

namespace sta::cuda {

struct Half {
  uint16_t bits;
};
struct Bfloat16 {
  uint16_t bits;
};

STA_HOST_DEVICE uint32_t bits_of(float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof(bits));
  return bits;
}
STA_HOST_DEVICE float float_of(uint32_t bits) {
  float v;
  memcpy(&v, &bits, sizeof(v));
  return v;
}

STA_HOST_DEVICE float to_float(float v) { return v; }
STA_HOST_DEVICE float to_float(Bfloat16 v) { return float_of(static_cast<uint32_t>(v.bits) << 16); }
STA_HOST_DEVICE float to_float(Half v) {
#ifdef __CUDA_ARCH__
  return __half2float(__ushort_as_half(v.bits));
#else
  const uint32_t sign = static_cast<uint32_t>(v.bits & 0x8000) << 16, exponent = v.bits >> 10 & 31, fraction = v.bits & 1023;
  if (exponent == 31) return float_of(sign | 0x7f800000u | fraction << 13);
  if (exponent == 0) return float_of(sign | bits_of(static_cast<float>(fraction) * 0x1p-24f));
  return float_of(sign | (exponent + 112) << 23 | fraction << 13);
#endif
}

template <typename T>
STA_HOST_DEVICE T from_float(float v);
template <>
STA_HOST_DEVICE float from_float<float>(float v) {
  return v;
}
// Rounds to the nearest, ties to even. NaN stays NaN.
template <>
STA_HOST_DEVICE Bfloat16 from_float<Bfloat16>(float v) {
  const uint32_t bits = bits_of(v);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}
template <>
STA_HOST_DEVICE Half from_float<Half>(float v) {
#ifdef __CUDA_ARCH__
  return {__half_as_ushort(__float2half_rn(v))};
#else
  const uint32_t bits = bits_of(v), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<uint16_t>(sign | 0x7e00)};
  if (magnitude >= 0x477ff000u) return {static_cast<uint16_t>(sign | 0x7c00)};  // 65520 and above round to infinity
  if (magnitude < 0x38800000u)  // below the smallest normal number: adding 1/2 leaves the rounded value in the low bits
    return {static_cast<uint16_t>(sign | (bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f)))};
  return {static_cast<uint16_t>(sign | ((magnitude + 0xfff + (magnitude >> 13 & 1) - (112u << 23)) >> 13))};
#endif
}

/// e^x within 1 unit in the last place for |x| <= 80; NaN gives e^-80. It uses fmaf only, so that every processor gives
/// the same bits.
STA_HOST_DEVICE float exponential(float x) {
  x = fminf(fmaxf(x, -80.0f), 80.0f);
  const float n = rintf(x * 1.44269504f);
  // f = x - n·ln 2, with ln 2 in two parts, lies within ±0.35. There a polynomial of degree 7 is exact enough.
  const float f = fmaf(n, -1.42860677e-6f, fmaf(n, -0.693145752f, x));
  float p = 1.98412698e-4f;
  p = fmaf(p, f, 1.38888889e-3f);
  p = fmaf(p, f, 8.33333333e-3f);
  p = fmaf(p, f, 4.16666667e-2f);
  p = fmaf(p, f, 0.166666667f);
  p = fmaf(p, f, 0.5f);
  p = fmaf(p, f, 1.0f);
  p = fmaf(p, f, 1.0f);
  return p * float_of(static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23);
}

}  // namespace sta::cuda
