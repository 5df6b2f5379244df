// SPDX-License-Identifier: MIT
// See difference.h.
#include "stillness/difference.h"

#include <algorithm>
#include <cmath>

#include "preprocess/clones.h"

namespace sta {
namespace {

// Bytes of a row that are added together: sixteen pixels. A lane belongs to the channel lane % 3.
constexpr int kLanes = 48;
// So many rows of the largest difference fit into 16 bits.
constexpr int kRows = 256;

}  // namespace

STA_CLONES void add_differences(const uint8_t *a, const uint8_t *b, size_t stride, int patch, std::array<uint64_t, 3> &sums) {
  const int bytes = 3 * patch;
  for (int first = 0; first < patch; first += kRows) {
    const int rows = std::min(kRows, patch - first);
    for (int left = 0; left < bytes; left += kLanes) {
      uint16_t lanes[kLanes] = {};
      const uint8_t *pa = a + static_cast<size_t>(first) * stride + left, *pb = b + static_cast<size_t>(first) * stride + left;
      const int width = std::min(kLanes, bytes - left);
      if (width == kLanes) {
        for (int y = 0; y < rows; ++y, pa += stride, pb += stride)
          for (int i = 0; i < kLanes; ++i)
            lanes[i] = static_cast<uint16_t>(lanes[i] + static_cast<uint8_t>(pa[i] > pb[i] ? pa[i] - pb[i] : pb[i] - pa[i]));
      } else {
        for (int y = 0; y < rows; ++y, pa += stride, pb += stride)
          for (int i = 0; i < width; ++i)
            lanes[i] = static_cast<uint16_t>(lanes[i] + static_cast<uint8_t>(pa[i] > pb[i] ? pa[i] - pb[i] : pb[i] - pa[i]));
      }
      for (int i = 0; i < kLanes; i += 3)
        for (int c = 0; c < 3; ++c) sums[static_cast<size_t>(c)] += lanes[i + c];
    }
  }
}

STA_CLONES float mean_difference(const float *a, const float *b, int64_t count) {
  // Eight sums side by side, whose order is part of the definition: the result is the same on every processor.
  float sums[8] = {};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int k = 0; k < 8; ++k) sums[k] += std::fabs(a[i + k] - b[i + k]);
  for (; i < count; ++i) sums[i % 8] += std::fabs(a[i] - b[i]);
  float sum = 0;
  for (const float s : sums) sum += s;
  return sum / static_cast<float>(count);
}

}  // namespace sta
