// SPDX-License-Identifier: MIT
// The part of the frame that an object's window shows. Detections jitter and change their shape from frame to frame,
// but a model wants a steady picture of one shape. This is pure arithmetic in pixels, so tests need no GStreamer.
#pragma once

#include <cstdint>

namespace sta::gst {

// In luma pixels. x and y are the upper left corner.
struct Box {
  double x = 0, y = 0, width = 0, height = 0;

  bool empty() const { return !(width > 0 && height > 0); }
  bool operator==(const Box &) const = default;
};

// In whole pixels, all even, so that planes with halved chroma are cut between samples.
struct Crop {
  int x = 0, y = 0, width = 0, height = 0;

  bool empty() const { return width <= 0 || height <= 0; }
  bool operator==(const Crop &) const = default;
};

// Follows the boxes of one track with a time constant of 200 ms. A frame that comes dt later makes up
// 1 - exp(-dt / 200 ms) of the distance, so the smoothing depends on time and not on the number of frames. If a box
// does not overlap the followed one any more, it is taken as it is.
class SmoothBox {
 public:
  // time in ns, not decreasing. Returns the smoothed box.
  const Box &follow(const Box &box, uint64_t time);
  const Box &box() const { return box_; }

 private:
  Box box_;
  uint64_t time_ = 0;
};

// The smallest crop of that shape (width / height in pixels) around a box, within the frame: the box is grown about its
// centre, then moved inside. If the frame is too small, the crop is cut, and the model looks at the middle of it. Empty
// if the box lies outside the frame.
Crop cropAround(const Box &box, double aspect, int frame_width, int frame_height);

}  // namespace sta::gst
