// SPDX-License-Identifier: MIT
// Y'CbCr (and gray) to R'G'B' in 32-bit fixed point.
//
//   R = ky (Y - Y0) + 2 (1-Kr)                (V - C0) kc
//   B = ky (Y - Y0) + 2 (1-Kb)                (U - C0) kc
//   G = ky (Y - Y0) - 2 (1-Kr) Kr/(1-Kr-Kb)   (V - C0) kc - 2 (1-Kb) Kb/(1-Kr-Kb) (U - C0) kc
//
// The range gives ky and kc: 255/219 and 255/224, or 1. Factors have 21 fraction bits. The sum of all rounding errors
// stays below 0.0003 of a level, so a result is the rounded real value, unless that is this close to a tie. The largest
// sum (550 levels, far outside the gamut) fits in 32 bits.
//
// Chroma is not interpolated between its samples: a pixel takes the sample of its block. A model does not notice this
// at its size (a 1080p frame is scaled by 1/4.8). It needs no siting information, which streams often get wrong. And it
// makes the meaning of a frame exact: each source pixel has one u8 RGB value, no matter how many pixels are read.
#pragma once

#include <cstdint>

#include "sta/sta.h"

namespace sta {

struct ColorConversion {
  int32_t y_zero, c_zero;          // in input units
  int32_t ky, krv, kgu, kgv, kbu;  // 2^-21 levels per input unit; kgu and kgv are subtracted
};

constexpr int kColorBits = 21;

// depth: bits of a sample, 8 or 10. scale: input units per step of the sample, a power of two (for samples with
// fraction bits). matrix: RGB stands for gray; then only y_zero and ky have a meaning.
ColorConversion make_color_conversion(sta_color_matrix matrix, bool full_range, int depth, int scale);

}  // namespace sta
