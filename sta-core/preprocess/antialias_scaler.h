// SPDX-License-Identifier: MIT
// Antialiased scaling with a triangle filter that widens with the ratio, as in Pillow's BILINEAR and the Hugging Face
// image processors. Results are within one level of Pillow's.
//
// The planes are filtered as they are, in Q8, and only the output pixels are converted to RGB. Up to rounding this
// equals converting every source pixel to RGB first (chroma replicated over its block, as in color.h), because filter
// and conversion are both linear. The weight of a chroma sample is the sum of the weights of the luma columns (or rows)
// that it covers, which also centres it. The two ways differ only for source pixels outside the RGB gamut: here
// clipping comes after filtering, which loses less.
//
// The vertical pass comes first, for 16 output rows at a time, because it runs along the rows of the frame. The tile is
// then transposed, so the horizontal pass runs along its 16 rows. Both passes keep 8 fraction bits, so their order does
// not matter. (Pillow rounds to bytes in between.)
#pragma once

#include <cstdint>
#include <vector>

#include "preprocess/frame_layout.h"
#include "preprocess/geometry.h"
#include "preprocess/taps.h"

namespace sta {

class AntialiasScaler {
 public:
  // Makes the tables for a format and geometry. May throw std::bad_alloc.
  void prepare(const FrameLayout &layout, const Geometry &geometry);
  // The frame must have the format and size that prepare() was called for. rgb: u8 [height, width, 3].
  void run(const sta_frame &frame, uint8_t *rgb);

 private:
  // A plane and the part of its rows that the output needs.
  struct Plane {
    const Taps *rows;
    int first_sample, num_samples;
  };
  void filter_plane(const sta_frame &frame, int p, int first_row);

  const FrameLayout *layout_ = nullptr;
  int width_ = 0, height_ = 0;    // output
  Taps luma_rows_, chroma_rows_;  // source row -> output row
  Taps columns_[3];               // per component: sample of the plane's part -> output column
  Plane planes_[3] = {};
  // Scratch.
  std::vector<uint16_t> rows_;        // [16][samples]
  std::vector<uint16_t> tile_;        // [samples][16]
  std::vector<uint32_t> sums_;        // [samples]
  std::vector<uint16_t> components_;  // [3][width][16], Q8
  std::vector<uint8_t> pixels_;       // [3][width][16]
};

}  // namespace sta
