// SPDX-License-Identifier: MIT
// See lerp_table.h.
#include "preprocess/lerp_table.h"

#include <algorithm>
#include <cmath>

namespace sta {
namespace {

struct Lerp {
  int64_t left;  // source index; may be -1 or source - 1 at the edges
  float fraction;
};

// As in OpenCV, the ratio is inverted twice in double, and the position is a float.
Lerp lerp_at(const Axis &axis, int i) {
  const double scale = 1.0 / (static_cast<double>(axis.resized) / axis.source);
  const float position = static_cast<float>((static_cast<double>(axis.crop + i) + 0.5) * scale - 0.5);
  const float left = std::floor(position);
  return {static_cast<int64_t>(left), position - left};
}

int16_t weight11(float w) { return static_cast<int16_t>(std::lrint(w * 2048.0f)); }

void resize(const Axis &axis, LerpTable *table) {
  const size_t n = static_cast<size_t>(axis.output);
  table->first.resize(n);
  table->second.resize(n);
  table->first_weight.resize(n);
  table->second_weight.resize(n);
}

}  // namespace

void make_column_table(const Axis &axis, LerpTable *table) {
  resize(axis, table);
  const int last = axis.source - 1;
  for (int i = 0; i < axis.output; ++i) {
    Lerp l = lerp_at(axis, i);
    if (l.left < 0) l = {0, 0.0f};
    if (l.left >= last) l = {last, 0.0f};
    table->first[i] = static_cast<int32_t>(l.left);
    table->second[i] = std::min(table->first[i] + 1, last);
    table->first_weight[i] = weight11(1.0f - l.fraction);
    table->second_weight[i] = weight11(l.fraction);
  }
}

void make_row_table(const Axis &axis, LerpTable *table) {
  resize(axis, table);
  const int64_t last = axis.source - 1;
  for (int i = 0; i < axis.output; ++i) {
    const Lerp l = lerp_at(axis, i);
    table->first[i] = static_cast<int32_t>(std::clamp<int64_t>(l.left, 0, last));
    table->second[i] = static_cast<int32_t>(std::clamp<int64_t>(l.left + 1, 0, last));
    table->first_weight[i] = weight11(1.0f - l.fraction);
    table->second_weight[i] = weight11(l.fraction);
  }
}

}  // namespace sta
