// SPDX-License-Identifier: MIT
// Preprocessor: checks the frame, rebuilds the tables if the geometry changed, and calls one of the two scalers.
#include "preprocess/preprocess.h"

#include <algorithm>
#include <new>
#include <string>

namespace sta {

namespace {

constexpr int kMaxOutputSize = 4096;  // limits tables and scratch memory; no video model comes near it

Error invalid(std::string message) { return Error{STA_ERROR_INVALID_ARGUMENT, std::move(message)}; }

}  // namespace

Status check_spec(const PreprocessSpec &spec) {
  if (spec.height < 1 || spec.width < 1 || spec.height > kMaxOutputSize || spec.width > kMaxOutputSize)
    return invalid("output size " + std::to_string(spec.width) + "x" + std::to_string(spec.height) + " is not within 1 .. " +
                   std::to_string(kMaxOutputSize));
  if (spec.resize.width > 0) {
    if (spec.resize.width < spec.width || spec.resize.height < spec.height || std::max(spec.resize.width, spec.resize.height) > kMaxOutputSize)
      return invalid("the size to squash to, " + std::to_string(spec.resize.width) + "x" + std::to_string(spec.resize.height) +
                     ", should be at least the output size and at most " + std::to_string(kMaxOutputSize));
    return ok();
  }
  if (spec.resize.short_side < std::min(spec.height, spec.width) || spec.resize.short_side > kMaxOutputSize)
    return invalid("short side " + std::to_string(spec.resize.short_side) + " is not within " + std::to_string(std::min(spec.height, spec.width)) +
                   " .. " + std::to_string(kMaxOutputSize) + ", from the smaller output dimension up");
  return ok();
}

Status Preprocessor::prepare(const sta_frame &frame) {
  Key key{frame.format, frame.width, frame.height, frame.par_n, frame.par_d, frame.orientation};
  if (key == key_) return ok();
  key_ = Key();  // stays so if anything below fails half-way
  auto geometry = make_geometry(frame, spec_.height, spec_.width, spec_.resize, spec_.crop);
  if (!geometry) return std::move(geometry).error();
  const FrameLayout &layout = *frame_layout(frame.format);
  if (spec_.antialias)
    antialias_.prepare(layout, *geometry);
  else
    bilinear_.prepare(layout, *geometry);
  turn_ = geometry->turn;
  small_width_ = geometry->x.output;
  small_height_ = geometry->y.output;
  small_.resize(turn_.none() ? 0 : static_cast<size_t>(small_width_) * small_height_ * 3);
  key_ = key;
  return ok();
}

Status Preprocessor::run(const sta_frame &frame, uint8_t *rgb) {
  if (auto status = check_spec(spec_); !status) return status;
  if (!rgb) return invalid("no memory given for the RGB picture");
  if (auto status = check_frame(frame); !status) return status;
  try {
    if (auto status = prepare(frame); !status) return status;
  } catch (const std::bad_alloc &) {
    return Error{STA_ERROR_OUT_OF_MEMORY,
                 "no memory for the scaling tables of a " + std::to_string(frame.width) + "x" + std::to_string(frame.height) + " frame"};
  }
  uint8_t *scaled = turn_.none() ? rgb : small_.data();
  if (spec_.antialias)
    antialias_.run(frame, scaled);
  else
    bilinear_.run(frame, scaled);
  if (!turn_.none()) turn_picture(scaled, small_width_, small_height_, turn_, rgb);
  return ok();
}

}  // namespace sta
