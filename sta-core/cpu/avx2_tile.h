// SPDX-License-Identifier: MIT
// The innermost loop of products and attention with AVX2, and how the left factor is packed for it.
//
// A product is made of tiles of kRows rows and kWidth columns, whose sums stay in registers while they grow. For each
// step along the depth two vectors of the right factor are loaded, and a number of each row is broadcast. That is less
// work for the load units than the 2 · kRows multiply-adds are for the arithmetic units.
#pragma once

#include "cpu/simd.h"

namespace sta::cpu {
namespace {

constexpr int kRows = 6;  // 12 of the 16 registers hold sums
constexpr int kWidth = 2 * kLanes;

// Σ_k a[r, k] · b[k] of a tile. a: its rows are kRow apart; after kLanes numbers along the depth the next are kNext
// further on. b [depth, kWidth]. done(r, left, right) is called for each row.
template <int kRow, int kNext, class Done>
inline __attribute__((always_inline)) void multiply(const float *a, const float *b, int64_t depth, Done &&done) {
  Vec left[kRows] = {}, right[kRows] = {};
  const auto step = [&](int64_t k) __attribute__((always_inline)) {
    const Vec b0 = load(b + k * kWidth), b1 = load(b + k * kWidth + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec value = all(a[r * kRow + k]);
      left[r] += value * b0;
      right[r] += value * b1;
    }
  };
  for (; depth >= kLanes; depth -= kLanes) {
#pragma GCC unroll 16
    for (int k = 0; k < kLanes; ++k) step(k);
    a += kNext;
    b += kLanes * kWidth;
  }
  for (int64_t k = 0; k < depth; ++k) step(k);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) done(r, left[r], right[r]);
}

// What packed rows are to multiply(): their kRow and kNext.
constexpr int kPackedRow = kLanes, kPackedNext = kRows * kLanes;

// x [rows, depth] -> tiles [rows / kRows, depth / kLanes, kRows, kLanes]; zeros stand behind the last row. change(v, r, k)
// is what becomes of the numbers v that stand in row r from k on; behind the last column it may be anything.
template <class Change>
inline __attribute__((always_inline)) void pack_rows(const float *x, int64_t stride, int64_t rows, int64_t depth, float *packed, Change &&change) {
  for (int64_t first = 0; first < rows; first += kRows) {
    const int64_t there = least(kRows, rows - first);
    for (int64_t k = 0; k < depth; k += kLanes)
      for (int64_t r = 0; r < kRows; ++r, packed += kLanes)
        store(packed, r < there ? change(load_some(x + (first + r) * stride + k, depth - k), first + r, k) : Vec{});
  }
}

// Floats of rows that pack_rows has packed.
inline int64_t packed_rows_size(int64_t rows, int64_t depth) { return round_up(rows, kRows) * round_up(depth, kLanes); }

}  // namespace
}  // namespace sta::cpu
