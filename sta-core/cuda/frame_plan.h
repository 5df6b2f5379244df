// SPDX-License-Identifier: MIT
// From a description of a frame to the arguments of the frame kernel: the geometry, lerp tables and colour factors of preprocess/, so that a frame in
// device memory and one in system memory become the same numbers.
#pragma once

#include <array>
#include <vector>

#include "cuda/sta_cuda.h"
#include "preprocess/preprocess.h"
#include "result.h"

namespace sta {

struct FramePlan {
  /// All but columns, rows, out, out_channel, out_row and type.
  sta_cuda_frame_args args;
  std::vector<int32_t> columns, rows;  // [4,width], [4,height]: to be copied to the device
};

/// frame.plane are device pointers; they are not followed. scale, shift: level · scale + shift = normalised.
/// INVALID_ARGUMENT as Preprocessor::run, and for an antialiased specification: the kernel has no such resampling.
Result<FramePlan> make_frame_plan(const sta_frame &frame, const PreprocessSpec &spec, const std::array<float, 3> &scale,
                                  const std::array<float, 3> &shift);

}  // namespace sta
