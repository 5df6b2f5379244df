// SPDX-License-Identifier: MIT
// Vectors of eight floats as the compiler's own types, and the two functions of a transformer that are not sums and
// products. Everything is in an unnamed namespace: a file that is compiled for another instruction set must not share
// these functions.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace sta::cpu {
namespace {

constexpr int kLanes = 8;

typedef float Vec __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t IntVec __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Vec load(const float *p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float *p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }
inline Vec all(float s) { return s - Vec{}; }                    // s + 0 would be an addition, because of -0
inline Vec larger(Vec a, Vec b) { return _mm256_max_ps(a, b); }  // b if one is not a number

inline float sum(Vec v) {
  float s = 0;
  for (int i = 0; i < kLanes; ++i) s += v[i];
  return s;
}
inline float largest(Vec v) {
  float m = v[0];
  for (int i = 1; i < kLanes; ++i) m = v[i] > m ? v[i] : m;
  return m;
}

// 2^x for x <= 127, correct but for the last bit or two; 2^-126 for what is less. What is not a number gives that too.
inline Vec exp2(Vec x) {
  x = larger(x, all(-126.0f));
  // x = n + f with |f| <= 1/2. Adding 1.5 · 2^23 rounds to a whole number, which is then in the low bits.
  const Vec shifter = all(12582912.0f);
  const Vec n = x + shifter;
  const Vec f = x - (n - shifter);
  // A polynomial fitted to 2^f between -1/2 and 1/2: 1 at f = 0, relative error 2e-9.
  Vec p = all(0.000153533667f);
  p = p * f + 0.00133988761f;
  p = p * f + 0.00961843736f;
  p = p * f + 0.0555033247f;
  p = p * f + 0.240226479f;
  p = p * f + 0.693147203f;
  p = p * f + 1.0f;
  IntVec bits, power;
  __builtin_memcpy(&bits, &n, sizeof bits);
  __builtin_memcpy(&power, &p, sizeof power);
  power += bits << 23;  // times 2^n
  __builtin_memcpy(&p, &power, sizeof p);
  return p;
}

constexpr float kLog2E = 1.44269504f;

// x · Φ(x). 1 - erf(a) is e^(-a²) times a polynomial in 1 / (1 + 0.4 a), which was fitted between 0 and 9: 1 at a = 0,
// an error of 6e-10 of 1 - erf(a).
inline Vec gelu(Vec x) {
  const Vec z = x * 0.70710678f;
  const Vec a = z < 0 ? -z : z;
  const Vec t = 1.0f / (1.0f + a * 0.4f);
  Vec p = all(0.076641058f);
  p = p * t - 0.403573496f;
  p = p * t + 0.69703099f;
  p = p * t - 0.3801931f;
  p = p * t + 0.406487173f;
  p = p * t + 0.143640201f;
  p = p * t + 0.234777145f;
  p = p * t + 0.225190029f;
  const Vec tail = p * t * exp2(a * a * -kLog2E);  // 1 - erf(|z|)
  // Φ(x) is 1 - tail / 2 for a positive x, tail / 2 for a negative one: no difference of near numbers.
  return x * (z < 0 ? 0.5f * tail : 1.0f - 0.5f * tail);
}

}  // namespace
}  // namespace sta::cpu
