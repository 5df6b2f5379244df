// SPDX-License-Identifier: MIT
// From a description of a frame to the arguments of the frame kernel: the geometry, filter tables and colour factors of
// preprocess/, so that a frame in device memory and one in system memory become the same numbers.
#pragma once

#include <array>
#include <vector>

#include "cuda/sta_cuda.h"
#include "preprocess/preprocess.h"
#include "result.h"

namespace sta {

struct FramePlan {
  /// All but the tables' addresses, out, out_channel, out_row and type.
  sta_cuda_frame_args args;
  /// What the kernel reads its weights from: to be copied to the device as it is.
  std::vector<int32_t> tables;

  /// args with its tables in a copy of `tables`.
  sta_cuda_frame_args with_tables(const int32_t *on_device) const;

  // Where in `tables` each of them begins; -1: there is none.
  struct Taps {
    int64_t begin = -1, index = -1, weight = -1, bias = -1;
  };
  int64_t columns = -1, rows = -1;
  Taps row_taps[2], column_taps[3];
};

/// frame.plane are device pointers; they are not followed. scale, shift: level · scale + shift = normalised.
/// INVALID_ARGUMENT as Preprocessor::run.
Result<FramePlan> make_frame_plan(const sta_frame &frame, const PreprocessSpec &spec, const std::array<float, 3> &scale,
                                  const std::array<float, 3> &shift);

}  // namespace sta
