// SPDX-License-Identifier: MIT
// Preprocessor: one raw frame, as a camera or decoder gives it, to the u8 RGB picture a model looks at: displayed
// geometry (pixel aspect ratio), short side scaled to a given size, centre crop, colour conversion. Pure C++, so that
// it is tested without LibTorch and GStreamer.
//
// Two resamplings, because models differ in what they were tested with:
//   antialias = false  every source pixel -> u8 RGB, then OpenCV's 8-bit INTER_LINEAR, bit for bit (bilinear_scaler.h)
//   antialias = true   triangle filter over all source pixels as Pillow's BILINEAR, within one level
//                      (antialias_scaler.h)
#pragma once

#include <cstdint>
#include <vector>

#include "preprocess/antialias_scaler.h"
#include "preprocess/bilinear_scaler.h"
#include "preprocess/color.h"
#include "preprocess/frame_layout.h"
#include "preprocess/geometry.h"
#include "result.h"

namespace sta {

struct PreprocessSpec {
  int height, width;  // of the output, pixels, 1 .. 4096
  Resize resize;      // before the centre crop; short_side: min(height, width) .. 4096; squashed: height .. 4096, width .. 4096
  bool antialias;
  CropChoice crop = {};
};

/// INVALID_ARGUMENT if a number is out of its range.
Status check_spec(const PreprocessSpec &spec);

// One per stream, not thread-safe. Tables and scratch memory are kept for the geometry and format of the last frame:
// nothing is allocated while they stay the same.
class Preprocessor {
 public:
  explicit Preprocessor(PreprocessSpec spec) : spec_(spec) {}

  // rgb: u8 [height, width, 3]. The frame is only read. INVALID_ARGUMENT names what contradicts itself in the frame or
  // in the specification.
  Status run(const sta_frame &frame, uint8_t *rgb);

 private:
  Status prepare(const sta_frame &frame);

  PreprocessSpec spec_;
  // What the tables were made for; format UNKNOWN: none yet.
  struct Key {
    sta_pixel_format format = STA_FORMAT_UNKNOWN;
    int width = 0, height = 0, par_n = 0, par_d = 0;
    sta_orientation orientation = STA_ORIENTATION_NONE;
    bool operator==(const Key &) const = default;
  } key_;
  Turn turn_;
  int small_width_ = 0, small_height_ = 0;  // of the scaled picture before it is turned
  std::vector<uint8_t> small_;              // [small_height,small_width,3], of turned frames only
  BilinearScaler bilinear_;
  AntialiasScaler antialias_;
};

}  // namespace sta
