// SPDX-License-Identifier: MIT
// See orientation.h.
#include "preprocess/orientation.h"

namespace sta {

Turn turn_of(sta_orientation orientation) {
  switch (orientation) {
    case STA_ORIENTATION_90R:
      return {true, false, true};
    case STA_ORIENTATION_180:
      return {false, true, true};
    case STA_ORIENTATION_90L:
      return {true, true, false};
    case STA_ORIENTATION_HORIZONTAL:
      return {false, true, false};
    case STA_ORIENTATION_VERTICAL:
      return {false, false, true};
    case STA_ORIENTATION_TRANSPOSED:
      return {true, false, false};
    case STA_ORIENTATION_ANTITRANSPOSED:
      return {true, true, true};
    case STA_ORIENTATION_NONE:
      break;
  }
  return {};
}

void turn_picture(const uint8_t *small, int width, int height, const Turn &turn, uint8_t *upright) {
  const int columns = turn.swap ? height : width, rows = turn.swap ? width : height;
  for (int v = 0; v < rows; ++v)
    for (int u = 0; u < columns; ++u) {
      const int across = turn.swap ? v : u, down = turn.swap ? u : v;
      const int x = turn.flip_x ? width - 1 - across : across, y = turn.flip_y ? height - 1 - down : down;
      const uint8_t *from = small + (static_cast<size_t>(y) * width + x) * 3;
      for (int c = 0; c < 3; ++c) *upright++ = from[c];
    }
}

}  // namespace sta
