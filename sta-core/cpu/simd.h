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

// No function of the standard library is used in these files, except through the compiler's own names: an inline function
// that was compiled for AVX2 could become the one copy that the whole library uses, and crash an older processor.
inline int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }
inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

inline Vec load(const float *p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
// The first n numbers, zeros behind them.
inline Vec load_some(const float *p, int64_t n) {
  if (n >= kLanes) return load(p);
  float padded[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) padded[i] = p[i];
  return load(padded);
}
inline void store(float *p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }
inline Vec all(float s) { return s - Vec{}; }                    // s + 0 would be an addition, because of -0
inline Vec larger(Vec a, Vec b) { return _mm256_max_ps(a, b); }  // b if one is not a number

inline Vec magnitude(Vec v) { return _mm256_andnot_ps(all(-0.0f), v); }

inline float sum(Vec v) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}
inline float largest(Vec v) {
  const __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 pair = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(pair, _mm_movehdup_ps(pair)));
}

// 2^(x - most), correct but for the last bit or two, where x - most <= 127; 2^-126 where it is less than -126, and where
// x is not a number. most: a whole number, smaller than kLimit in size.
struct Exp2 {
  static constexpr float kLimit = 1 << 20;
  Vec shifter, low;
  explicit Exp2(float most) : shifter(all(12582912.0f - most)), low(all(most - 126.0f)) {}

  Vec operator()(Vec x) const {
    x = larger(x, low);
    // x = n + f with |f| <= 1/2. Adding 1.5 · 2^23 rounds to a whole number, which is then in the low bits; `most` is
    // taken from it on the way.
    const Vec n = x + shifter;
    const Vec f = x - (n - shifter);
    // A polynomial fitted to 2^f between -1/2 and 1/2: 1 at f = 0, relative error 9e-8.
    Vec p = all(0.00132647273f);
    p = p * f + 0.009671513f;
    p = p * f + 0.05550733585f;
    p = p * f + 0.2402224243f;
    p = p * f + 0.6931470037f;
    p = p * f + 1.0f;
    IntVec bits, power;
    __builtin_memcpy(&bits, &n, sizeof bits);
    __builtin_memcpy(&power, &p, sizeof power);
    power += bits << 23;  // times 2^n
    __builtin_memcpy(&p, &power, sizeof p);
    return p;
  }
};

constexpr float kLog2E = 1.44269504f;

// x · Φ(x). 1 - erf(a) is e^(-a²) times a polynomial in 1 / (1 + 0.4 a), which was fitted between 0 and 9: 1 at a = 0,
// an error of 6e-10 of 1 - erf(a). a is |x| / √2.
inline Vec gelu(Vec x) {
  const Vec size = magnitude(x);
  const Vec t = 1.0f / (1.0f + size * 0.282842712f), t2 = t * t, t4 = t2 * t2;
  const Vec low = 0.225190029f + t * 0.234777145f + t2 * (0.143640201f + t * 0.406487173f);
  const Vec high = t * 0.69703099f - 0.3801931f + t2 * (t * 0.076641058f - 0.403573496f);
  // Not less than 2^-100, so that the products are no denormal numbers, which are slow.
  const Vec e = Exp2(0)(larger(x * x * (-0.5f * kLog2E), all(-100.0f)));
  const Vec tail = 0.5f * size * (t * e * (low + t4 * high));  // |x| · (1 - Φ(|x|))
  // x · Φ(x) is x - tail for a positive x, -tail for a negative one: no difference of near numbers.
  return larger(x, Vec{}) - tail;
}

}  // namespace
}  // namespace sta::cpu
