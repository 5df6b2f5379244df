// SPDX-License-Identifier: MIT
// One table that says where the samples of each pixel format are in memory. With it, the scalers are written once
// instead of once per format.
#pragma once

#include <cstdint>

#include "result.h"

namespace sta {

enum class ColorModel { kYuv, kRgb, kGray };

enum class SampleType {
  kByte,
  kHigh10,  // little-endian 16-bit word, value in the upper 10 bits (P010)
  kLow10    // little-endian 16-bit word, value in the lower 10 bits
};

// A plane is rows of groups; a group is the smallest repeating unit: one Y; one UV pair; Y U Y V; R G B x.
struct PlaneLayout {
  const char *name;  // for messages
  int group_samples;
  int shift_x, shift_y;  // one group covers 2^shift_x columns, one row covers 2^shift_y rows of luma pixels
};

// The sample of component c for luma column x and row y is sample `offset + step * (x >> shift_x)` of row `y >>
// plane.shift_y`. So a pixel takes the chroma sample of its 2x2 or 2x1 block, without interpolation: see color.h.
struct ComponentLayout {
  int plane, offset, step, shift_x;
};

struct FrameLayout {
  const char *name;
  ColorModel model;
  SampleType type;
  int num_planes, num_components;  // components: Y U V, R G B, or Y
  PlaneLayout planes[3];
  ComponentLayout components[3];

  int sample_bytes() const { return type == SampleType::kByte ? 1 : 2; }
  // Groups in a row of a frame `width` luma pixels wide; odd widths have (width + 1) / 2 chroma columns.
  static int groups(const PlaneLayout &plane, int width) { return (width + (1 << plane.shift_x) - 1) >> plane.shift_x; }
  int row_bytes(int plane, int width) const { return groups(planes[plane], width) * planes[plane].group_samples * sample_bytes(); }
};

// NULL for a format that is not in sta.h.
const FrameLayout *frame_layout(sta_pixel_format format);

// INVALID_ARGUMENT unless size, planes, strides and colour description fit together. make_geometry checks the pixel
// aspect ratio.
Status check_frame(const sta_frame &frame);

}  // namespace sta
