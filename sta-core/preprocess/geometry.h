// SPDX-License-Identifier: MIT
// Computes which part of a frame a model sees: the size of the resized frame, which is never made, and the crop in it.
// The arithmetic is on integers, so it gives the same result everywhere.
//
//   displayed size   width * par_n/par_d x height
//   resized size     short side = short_side, long side = floor(short_side * long / short):
//                    320x240 -> 298x224, 180x403 -> 224x501
//   crop             height x width out of its middle, offset floor((resized - crop) / 2): x 37, y 138
//
// A pixel aspect ratio other than 1 needs no step of its own: it only makes the horizontal scale differ from the
// vertical one. A model may want frames squashed to a fixed size instead of keeping their shape. Then that size is the
// resized size. A model that is not square may have an output that is wider (or taller) than the resized frame. Then
// the frame is enlarged until it covers the output.
#pragma once

#include <cstdint>

#include "preprocess/orientation.h"
#include "result.h"

namespace sta {

// One direction: output pixel i lies at (crop + i + 0.5) * source / resized - 0.5 in source pixels.
struct Axis {
  int source;       // pixels of the frame
  int64_t resized;  // pixels of the whole resized frame
  int64_t crop;     // first resized pixel that is output
  int output;       // pixels output
};

// The axes of the frame as it is in memory. Their outputs make a picture of x.output x y.output, and `turn` then makes
// it upright.
struct Geometry {
  Axis x, y;
  Turn turn = {};
};

// Which crop of how many along the longer side (count 1: the middle), and how positions are rounded: see sta_crop_rule.
struct CropChoice {
  int index = 0, count = 1;
  sta_crop_rule rule = STA_CROPS_VIDEOMAE;
};

// How large the resized frame is, before the crop.
struct Resize {
  int short_side;
  int height = 0, width = 0;  // 0: the frame keeps its shape; else it becomes this size, and short_side is ignored
  Resize(int side = 0, int squash_height = 0, int squash_width = 0) : short_side(side), height(squash_height), width(squash_width) {}
};

// INVALID_ARGUMENT for a pixel aspect ratio that is negative, has one zero, or lies outside 1/64 .. 64. The frame must
// have passed check_frame.
Result<Geometry> make_geometry(const sta_frame &frame, int height, int width, const Resize &resize, const CropChoice &choice = {});

}  // namespace sta
