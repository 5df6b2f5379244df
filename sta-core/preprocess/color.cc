// SPDX-License-Identifier: MIT
// Factors of the colour matrices.
#include "preprocess/color.h"

#include <cmath>

namespace sta {

ColorConversion make_color_conversion(sta_color_matrix matrix, bool full_range, int depth, int scale) {
  double kr = 0.299, kb = 0.114;  // BT.601
  switch (matrix) {
    case STA_MATRIX_BT709:
      kr = 0.2126, kb = 0.0722;
      break;
    case STA_MATRIX_BT2020:
      kr = 0.2627, kb = 0.0593;
      break;
    case STA_MATRIX_SMPTE240M:
      kr = 0.212, kb = 0.087;
      break;
    case STA_MATRIX_FCC:
      kr = 0.30, kb = 0.11;
      break;
    case STA_MATRIX_BT601:
    case STA_MATRIX_RGB:
      break;
  }
  // The limited range of 10 bits is that of 8 bits times 4. The full range ends at 1023, not at 1020.
  const int steps = 1 << (depth - 8);
  const double y_span = full_range ? (1 << depth) - 1 : 219 * steps;
  const double c_span = full_range ? (1 << depth) - 1 : 224 * steps;
  const double unit = (1 << kColorBits) / static_cast<double>(scale);
  const double ky = 255 / y_span * unit, kc = 255 / c_span * unit;
  const double kg = 1 - kr - kb;
  auto fixed = [](double v) { return static_cast<int32_t>(std::lround(v)); };
  return {(full_range ? 0 : 16 * steps) * scale, 128 * steps * scale,     fixed(ky), fixed(2 * (1 - kr) * kc), fixed(2 * (1 - kb) * kb / kg * kc),
          fixed(2 * (1 - kr) * kr / kg * kc),    fixed(2 * (1 - kb) * kc)};
}

}  // namespace sta
