// SPDX-License-Identifier: MIT
// Where in the frame an object's window looks: detections jitter and change shape from frame to frame, while a model
// wants a steady picture of one shape. Pure arithmetic in pixels, so that it is tested without GStreamer.
#pragma once

#include <cstdint>

namespace sta::gst {

// Luma pixels; x and y of the upper left corner.
struct Box {
  double x = 0, y = 0, width = 0, height = 0;

  bool empty() const { return !(width > 0 && height > 0); }
  bool operator==(const Box &) const = default;
};

// Whole pixels, all even, so that planes with halved chroma are cut between samples.
struct Crop {
  int x = 0, y = 0, width = 0, height = 0;

  bool empty() const { return width <= 0 || height <= 0; }
  bool operator==(const Crop &) const = default;
};

// Follows the boxes of one track with a time constant of 200 ms: after a frame that comes dt later, a share of 1 -
// exp(-dt / 200 ms) of the distance is made up, so that the smoothing is one of time and not of frames. A box that does
// not overlap the followed one any more is taken as it is.
class SmoothBox {
 public:
  // time in ns, not decreasing. Returns the smoothed box.
  const Box &follow(const Box &box, uint64_t time);
  const Box &box() const { return box_; }

 private:
  Box box_;
  uint64_t time_ = 0;
};

// The smallest crop of that shape (width / height in pixels) around a box that lies within the frame: grown about the
// box's centre, then moved inside. Where the frame is too small for that the crop is cut, and a model looks at the
// middle of it. Empty if the box lies outside the frame.
Crop cropAround(const Box &box, double aspect, int frame_width, int frame_height);

}  // namespace sta::gst
