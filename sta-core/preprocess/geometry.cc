// SPDX-License-Identifier: MIT
// The arithmetic of geometry.h. The largest products are 2 * 4096 * 32768 * par with par below 2^31. That is below 2^59
// and fits in 64 bits.
#include "preprocess/geometry.h"

#include <algorithm>
#include <string>
#include <utility>

namespace sta {

namespace {
constexpr int64_t kMaxAspect = 64;  // real ratios are within 1/4 .. 4; beyond 64 the frame is a mislabelled stripe

int64_t long_side(int64_t short_side, int64_t longer, int64_t shorter, bool nearest) {
  return nearest ? (2 * short_side * longer + shorter) / (2 * shorter) : short_side * longer / shorter;
}

}  // namespace

Result<Geometry> make_geometry(const sta_frame &frame, int height, int width, const Resize &resize, const CropChoice &choice) {
  int64_t par_n = frame.par_n, par_d = frame.par_d;
  if (par_n == 0 && par_d == 0) par_n = par_d = 1;
  if (par_n <= 0 || par_d <= 0 || par_n > kMaxAspect * par_d || par_d > kMaxAspect * par_n)
    return Error{STA_ERROR_INVALID_ARGUMENT, "pixel aspect ratio " + std::to_string(frame.par_n) + "/" + std::to_string(frame.par_d) +
                                                 " is not within 1/" + std::to_string(kMaxAspect) + " .. " + std::to_string(kMaxAspect) + "/1"};
  const Turn turn = turn_of(frame.orientation);
  // The displayed, upright width : height = wide : tall.
  int64_t wide = frame.width * par_n, tall = frame.height * par_d;
  if (turn.swap) std::swap(wide, tall);
  const int64_t short_side = resize.short_side;
  int64_t resized_w = short_side, resized_h = short_side;
  if (resize.width > 0) {
    resized_w = resize.width;
    resized_h = resize.height;
  } else if (wide < tall)
    resized_h = long_side(short_side, tall, wide, choice.rule == STA_CROPS_MMACTION);
  else
    resized_w = long_side(short_side, wide, tall, choice.rule == STA_CROPS_MMACTION);
  if (resized_w < width) {
    resized_w = width;
    resized_h = width * tall / wide;
  }
  if (resized_h < height) {
    resized_h = height;
    resized_w = height * wide / tall;
  }
  int64_t left = (resized_w - width) / 2, top = (resized_h - height) / 2;
  if (choice.count > 1) {
    const int64_t slack = std::max(resized_w - width, resized_h - height), steps = choice.count - 1;
    int64_t &along = resized_w - width > resized_h - height ? left : top;
    along = choice.rule == STA_CROPS_MMACTION ? choice.index * (slack / steps) : choice.index * slack / steps;
  }
  // The axes of the upright picture. The frame's own axes are the same, but may be exchanged or reversed.
  const Axis across{frame.width, resized_w, left, width}, down{frame.height, resized_h, top, height};
  const auto own = [](const Axis &upright, int source, bool flipped) {
    return Axis{source, upright.resized, flipped ? upright.resized - upright.crop - upright.output : upright.crop, upright.output};
  };
  return Geometry{own(turn.swap ? down : across, frame.width, turn.flip_x), own(turn.swap ? across : down, frame.height, turn.flip_y), turn};
}

}  // namespace sta
