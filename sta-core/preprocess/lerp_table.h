// SPDX-License-Identifier: MIT
// The table of bilinear resampling in one direction: for each output pixel the two source pixels around it and their
// weights, as in OpenCV's INTER_LINEAR for 8-bit pictures. The scaler on the CPU and the frame kernel on a GPU read the
// same table.
#pragma once

#include <cstdint>
#include <vector>

#include "preprocess/geometry.h"

namespace sta {

struct LerpTable {
  std::vector<int32_t> first, second;                // source pixels, within the frame
  std::vector<int16_t> first_weight, second_weight;  // Q11
};

/// At the left and right edge the weight moves to the edge pixel; at the top and bottom the row index is clamped. Both
/// reuse the memory of *table.
void make_column_table(const Axis &axis, LerpTable *table);
void make_row_table(const Axis &axis, LerpTable *table);

}  // namespace sta
