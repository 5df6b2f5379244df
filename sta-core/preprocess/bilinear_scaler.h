// SPDX-License-Identifier: MIT
// Bilinear scaling without antialiasing. The models of the paper were tested with it. It equals OpenCV's INTER_LINEAR
// on 8-bit RGB, bit for bit.
//
// The result is as if every source pixel were converted to u8 RGB (color.h) and then resized. But only the at most 2 x
// 2 source pixels under each output pixel are read. So the cost depends on the output size alone: 448 rows of 448
// pixels for 224 x 224, whatever the camera sends.
//
// OpenCV's arithmetic: positions are floats, weights are rounded to 11 bits. A row is interpolated horizontally to 15
// bits (>> 4). Two rows are interpolated vertically with truncated 16-bit products and then rounded. At the left and
// right edge the weight moves to the edge pixel. At the top and bottom the row index is clamped.
#pragma once

#include <cstdint>
#include <vector>

#include "preprocess/frame_layout.h"
#include "preprocess/geometry.h"
#include "preprocess/lerp_table.h"

namespace sta {

class BilinearScaler {
 public:
  // Makes the tables for a format and geometry. May throw std::bad_alloc.
  void prepare(const FrameLayout &layout, const Geometry &geometry);
  // The frame must have the format and size that prepare() was called for. rgb: u8 [height, width, 3].
  void run(const sta_frame &frame, uint8_t *rgb);

 private:
  void lerp_source_row(const sta_frame &frame, const struct ColorConversion &conversion, int source_row, int16_t *out);

  const FrameLayout *layout_ = nullptr;
  int width_ = 0, height_ = 0;  // output
  int channels_ = 0;            // 3, or 1 for gray
  // Byte offsets in a row of the component's plane: to the left source pixel of each output column, then to the right
  // one. [2 * width]
  std::vector<int32_t> offset_[3];
  LerpTable columns_, rows_;
  // Scratch.
  std::vector<uint16_t> samples_;  // [3][2 * width]
  std::vector<uint8_t> pixels_;    // [3][2 * width]
  std::vector<int16_t> lerped_;    // [2 rows][channels][width]; consecutive output rows share source rows when enlarging
  std::vector<uint8_t> out_;       // [channels][width]
};

}  // namespace sta
