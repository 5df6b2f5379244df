// SPDX-License-Identifier: MIT
// Preprocessor: turns one raw frame of a camera or decoder into the u8 RGB picture that a model looks at. It applies
// the displayed geometry (pixel aspect ratio), scales the short side to a given size, crops the centre and converts
// colours. It is pure C++, so it is tested without LibTorch and GStreamer.
//
// There are two ways of resampling, because models were tested with different ones:
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

// Each stream has its own; it is not thread-safe. It keeps tables and scratch memory for the geometry and format of the
// last frame. While these stay the same, nothing is allocated.
class Preprocessor {
 public:
  explicit Preprocessor(PreprocessSpec spec) : spec_(spec) {}

  // rgb: u8 [height, width, 3]. The frame is only read. INVALID_ARGUMENT: the frame or the specification contradicts
  // itself; the message says where.
  Status run(const sta_frame &frame, uint8_t *rgb);

 private:
  Status prepare(const sta_frame &frame);

  PreprocessSpec spec_;
  // The tables were made for this. Format UNKNOWN: there are no tables yet.
  struct Key {
    sta_pixel_format format = STA_FORMAT_UNKNOWN;
    int width = 0, height = 0, par_n = 0, par_d = 0;
    sta_orientation orientation = STA_ORIENTATION_NONE;
    bool operator==(const Key &) const = default;
  } key_;
  Turn turn_;
  int small_width_ = 0, small_height_ = 0;  // size of the scaled picture before it is turned
  std::vector<uint8_t> small_;              // [small_height,small_width,3], for turned frames only
  BilinearScaler bilinear_;
  AntialiasScaler antialias_;
};

}  // namespace sta
