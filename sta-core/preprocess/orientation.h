// SPDX-License-Identifier: MIT
// Turns frames that must be shown turned or mirrored. Telephones record sideways and say so, but a model must see
// frames upright. Only the small picture is turned, after scaling. That gives the same result if each axis of the frame
// is scaled like the axis of the upright picture that it becomes.
//
// u, v are column and row in the upright picture, x, y those in the frame of W x H pixels:
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

/// How a frame must be turned. Values outside sta_orientation give no turn; check_frame refuses them.
Turn turn_of(sta_orientation orientation);

/// Turns small: u8 [height,width,3], along the frame's own axes, into upright: u8 [height,width,3], or [width,height,3]
/// if the axes are exchanged.
void turn_picture(const uint8_t *small, int width, int height, const Turn &turn, uint8_t *upright);

}  // namespace sta
