// SPDX-License-Identifier: MIT
// See box.h.
#include "box.h"

#include <algorithm>
#include <cmath>

namespace sta::gst {
namespace {

constexpr double kTimeConstant = 200e6;  // ns

bool overlap(const Box &a, const Box &b) { return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height; }

// Places an even interval with about this length and centre inside [0, size).
void place(double centre, double length, int size, int *begin, int *count) {
  const int even_size = size & ~1;
  *count = std::clamp(2 * static_cast<int>(std::ceil(length / 2)), 2, std::max(2, even_size));
  const int wanted = 2 * static_cast<int>(std::floor((centre - *count / 2.0) / 2 + 0.5));
  *begin = std::clamp(wanted, 0, std::max(0, even_size - *count));
}

}  // namespace

const Box &SmoothBox::follow(const Box &box, uint64_t time) {
  if (box_.empty() || !overlap(box_, box)) {
    box_ = box;
  } else {
    const double share = 1 - std::exp(-static_cast<double>(time > time_ ? time - time_ : 0) / kTimeConstant);
    // Smooths centre and size, so that a box which only changes its shape keeps its place.
    const double cx = box_.x + box_.width / 2, cy = box_.y + box_.height / 2;
    const double width = box_.width + share * (box.width - box_.width), height = box_.height + share * (box.height - box_.height);
    const double x = cx + share * (box.x + box.width / 2 - cx), y = cy + share * (box.y + box.height / 2 - cy);
    box_ = {x - width / 2, y - height / 2, width, height};
  }
  time_ = time;
  return box_;
}

Crop cropAround(const Box &box, double aspect, int frame_width, int frame_height) {
  const Box frame{0, 0, static_cast<double>(frame_width), static_cast<double>(frame_height)};
  if (box.empty() || frame_width < 2 || frame_height < 2 || !overlap(box, frame)) return {};
  double width = box.width, height = box.height;
  if (width < height * aspect)
    width = height * aspect;
  else
    height = width / aspect;
  Crop crop;
  place(box.x + box.width / 2, width, frame_width, &crop.x, &crop.width);
  place(box.y + box.height / 2, height, frame_height, &crop.y, &crop.height);
  return crop;
}

}  // namespace sta::gst
