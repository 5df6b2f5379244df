// SPDX-License-Identifier: MIT
// Turns the description of a frame into the arguments of the frame kernel. Geometry, filter tables and colour factors
// come from preprocess/. So a frame gives the same numbers in device memory and in system memory.
#pragma once

#include <array>
#include <vector>

#include "cuda/sta_cuda.h"
#include "preprocess/preprocess.h"
#include "result.h"

namespace sta {

struct FramePlan {
  /// All arguments except the tables' addresses, out, out_channel, out_row and type.
  sta_cuda_frame_args args;
  /// The kernel reads its weights from this. Copy it to the device as it is.
  std::vector<int32_t> tables;

  /// args whose tables are in `on_device`, a copy of `tables`.
  sta_cuda_frame_args with_tables(const int32_t *on_device) const;

  // Where each table begins in `tables`; -1: there is none.
  struct Taps {
    int64_t begin = -1, index = -1, weight = -1, bias = -1;
  };
  int64_t columns = -1, rows = -1;
  Taps row_taps[2], column_taps[3];
};

/// frame.plane holds device pointers, which are not dereferenced. scale, shift: level · scale + shift = normalised.
/// INVALID_ARGUMENT as Preprocessor::run.
Result<FramePlan> make_frame_plan(const sta_frame &frame, const PreprocessSpec &spec, const std::array<float, 3> &scale,
                                  const std::array<float, 3> &shift);

}  // namespace sta
