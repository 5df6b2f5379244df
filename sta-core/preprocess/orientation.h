// SPDX-License-Identifier: MIT
// Frames that are to be shown turned or mirrored: telephones record sideways and say so. A model has to see them
// upright. Only the small picture is turned: scaling and turning can change places if each axis of the frame is scaled
// as the axis of the upright picture that it becomes.
//
// With u, v the column and row of the upright picture and x, y those of the frame, both of W x H frame pixels:
//   none   x = u          y = v            horizontal       x = W-1-u   y = v
//   90R    x = v          y = H-1-u        vertical         x = u       y = H-1-v
//   180    x = W-1-u      y = H-1-v        transposed       x = v       y = u
//   90L    x = W-1-v      y = u            antitransposed   x = W-1-v   y = H-1-u
// transposed: mirrored across the diagonal from the upper left.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sta/sta.h"

namespace sta {

struct Turn {
  bool swap = false;                    // x depends on v, y on u
  bool flip_x = false, flip_y = false;  // x, y run backwards

  bool none() const { return !swap && !flip_x && !flip_y; }
};

/// How a frame has to be turned; `none` for a value that is none of sta_orientation (check_frame refuses those).
Turn turn_of(sta_orientation orientation);

/// small: u8 [height,width,3], a frame's own axes -> upright: u8 [height,width,3], or [width,height,3] if the axes are
/// exchanged.
void turn_picture(const uint8_t *small, int width, int height, const Turn &turn, uint8_t *upright);

}  // namespace sta
