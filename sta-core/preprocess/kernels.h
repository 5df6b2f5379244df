// SPDX-License-Identifier: MIT
// The inner loops of preprocessing. They are plain loops over contiguous arrays, so the compiler vectorises them. On
// x86-64 each is compiled twice, for AVX2 and for the baseline. One version is chosen when the library is loaded. Both
// give the same numbers, because all arithmetic is on integers.
//
// Q8: u16, 1/256 of an 8-bit level; 10-bit samples are 64 times their value.
#pragma once

#include <cstddef>
#include <cstdint>

#include "preprocess/color.h"
#include "preprocess/frame_layout.h"

namespace sta::kernels {

// ---- filters

// Taps are added up four at a time, which saves loads and stores of the sums. Lists are filled up with zero weights.
constexpr int kTapUnroll = 4;
// The largest number of taps for the 16-bit kernels. It limits the truncation errors and leaves room above white for
// the bias (65472 + 2 * 24 < 65536).
constexpr int kMaxFastTaps = 48;

// A weighted sum of rows, as taps.h makes it.
struct TapList {
  const int32_t *index;    // [count]
  const uint16_t *weight;  // [count], Q16
  int count;               // a multiple of kTapUnroll
  uint16_t bias;           // Q8
};

// out[i] = bias + sum over k of (sample i of row index[k]) * weight[k] >> 16, in Q8; i < n. Rows begin at base + index
// * stride bytes.
//
// The 16-bit products are truncated one by one. Then 16 lanes fit in an AVX2 register; 32-bit sums would need more than
// twice the instructions.
void filter_rows(SampleType type, const uint8_t *base, ptrdiff_t stride, const TapList &taps, int n, uint16_t *out);
// The same with exact 32-bit sums, rounded once, for any number of taps; no bias. sums: scratch [n].
void filter_rows_exact(SampleType type, const uint8_t *base, ptrdiff_t stride, const TapList &taps, int n, uint32_t *sums, uint16_t *out);

// Columns are filtered for a tile of kTileRows rows at once. So the lanes are rows, and every access is contiguous.
constexpr int kTileRows = 16;

// in: [kTileRows, in_stride], out: [n, kTileRows].
void transpose_tile(const uint16_t *in, int in_stride, int n, uint16_t *out);
// in: Q8 [columns, kTileRows], out: Q8 [n, kTileRows]. begin: [n+1] positions in index and weight, multiples of
// kTapUnroll apart; bias: [n].
void filter_columns(const uint16_t *in, const int32_t *begin, const int32_t *index, const uint16_t *weight, const uint16_t *bias, int n,
                    uint16_t *out);
void filter_columns_exact(const uint16_t *in, const int32_t *begin, const int32_t *index, const uint16_t *weight, int n, uint16_t *out);

// ---- bilinear, OpenCV's arithmetic

// out[i] = (left[i] * weight_left[i] + right[i] * weight_right[i]) >> 4, weights Q11.
void lerp_columns(const uint8_t *left, const uint8_t *right, const int16_t *weight_left, const int16_t *weight_right, int n, int16_t *out);
// out[i] = ((w0 * row0[i] >> 16) + (w1 * row1[i] >> 16) + 2) >> 2
void lerp_rows(const int16_t *row0, const int16_t *row1, int16_t w0, int16_t w1, int n, uint8_t *out);

// ---- colour; inputs are first shifted right by `shift` and rounded

void convert_yuv(const uint16_t *y, const uint16_t *u, const uint16_t *v, int shift, const ColorConversion &conversion, int n, uint8_t *r, uint8_t *g,
                 uint8_t *b);
void convert_gray(const uint16_t *y, int shift, const ColorConversion &conversion, int n, uint8_t *gray);
void round_q8(const uint16_t *in, int n, uint8_t *out);

// r, g, b: [width, kTileRows]; rgb: [rows, width, 3], rows <= kTileRows
void store_tile(const uint8_t *r, const uint8_t *g, const uint8_t *b, int width, int rows, uint8_t *rgb);
// rgb: [n, 3]
void interleave(const uint8_t *r, const uint8_t *g, const uint8_t *b, int n, uint8_t *rgb);

}  // namespace sta::kernels
