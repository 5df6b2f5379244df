// SPDX-License-Identifier: MIT
// Bilinear scaling without antialiasing, as the models of the paper were tested: OpenCV's INTER_LINEAR on 8-bit RGB,
// bit for bit.
//
// Meaning: convert every source pixel to u8 RGB (color.h), then resize. Only the at most 2 x 2 source pixels under each
// output pixel are ever read, so that the cost depends on the output size alone: 448 rows of 448 pixels for 224 x 224,
// whatever the camera sends.
//
// OpenCV's arithmetic: positions in float, weights rounded to 11 bits; a row is lerped horizontally to 15 bits (>> 4),
// two rows vertically by truncated 16-bit products, then rounded. At the left and right edge the weight moves to the
// edge pixel, at the top and bottom the row index is clamped.
#pragma once

#include <cstdint>
#include <vector>

#include "preprocess/frame_layout.h"
#include "preprocess/geometry.h"
#include "preprocess/lerp_table.h"

namespace sta {

class BilinearScaler {
 public:
  // Makes the tables of a format and geometry; may throw std::bad_alloc.
  void prepare(const FrameLayout &layout, const Geometry &geometry);
  // The frame must have the format and size prepared for. rgb: u8 [height, width, 3].
  void run(const sta_frame &frame, uint8_t *rgb);

 private:
  void lerp_source_row(const sta_frame &frame, const struct ColorConversion &conversion, int source_row, int16_t *out);

  const FrameLayout *layout_ = nullptr;
  int width_ = 0, height_ = 0;  // output
  int channels_ = 0;            // 3, or 1 for gray
  // Bytes from the start of a row of the component's plane to the left source pixel of each output column, then to the
  // right one: [2 * width].
  std::vector<int32_t> offset_[3];
  LerpTable columns_, rows_;
  // Scratch.
  std::vector<uint16_t> samples_;  // [3][2 * width]
  std::vector<uint8_t> pixels_;    // [3][2 * width]
  std::vector<int16_t> lerped_;    // [2 rows][channels][width]; consecutive output rows share source rows when enlarging
  std::vector<uint8_t> out_;       // [channels][width]
};

}  // namespace sta
