// SPDX-License-Identifier: MIT
// Weights of the triangle filter in one direction, in the form the kernels read.
//
// The 16-bit kernels truncate each product sample * weight / 65536. A bias of half a unit (1/256 level) per tap makes
// up for the mean loss. All weights are odd, so the loss is exactly half a unit where it matters most: for a sample of
// 32768 (chroma 128). So gray stays gray, without a tint.
#pragma once

#include <cstdint>
#include <vector>

#include "preprocess/geometry.h"
#include "preprocess/kernels.h"

namespace sta {

struct Taps {
  std::vector<int32_t> begin;    // [output + 1]: taps of output i are begin[i] .. begin[i + 1], a multiple of kTapUnroll
  std::vector<int32_t> index;    // source sample
  std::vector<uint16_t> weight;  // Q16; odd, except zeros that fill up to kTapUnroll; they add up to 65536
  std::vector<uint16_t> bias;    // [output]: half the number of odd weights
  bool fast = true;              // few enough taps for the 16-bit kernels

  kernels::TapList of(int i) const { return {index.data() + begin[i], weight.data() + begin[i], begin[i + 1] - begin[i], bias[i]}; }
};

// shift: each source sample covers 2^shift pixels of the axis. Reuses the memory of *taps.
void make_taps(const Axis &axis, int shift, Taps *taps);

}  // namespace sta
