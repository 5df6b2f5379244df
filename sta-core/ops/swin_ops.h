// SPDX-License-Identifier: MIT
// The two operations that Video Swin needs beside ops.h: attention inside windows, and merging four tokens into one.
#pragma once

#include "ops/ops.h"
#include "ops/window_plan.h"

namespace sta::ops {

/// Channels that are appended to every head if tokens were dropped.
constexpr int64_t kFlagChannels = 8;

struct WindowAttention {
  Linear qkv, proj;
  at::Tensor bias_table;  // [h, rows]: of relative positions
  int heads = 0;
};

/// Attention inside windows.
///   x        [R,C] normalised tokens, the rows to which index.slot_row points; row R means padding, row R + 1 a
///            dropped token
///   dropped  some slots belong to dropped tokens; these are no keys (their weight is exactly 0)
/// Returns [B·K,C], after the projection: the tokens to which index.out_slot points.
at::Tensor window_attention(const at::Tensor &x, const WindowAttention &weights, const WindowPlan &plan, const WindowIndex &index, bool dropped);

/// x [B,D,H,W,C] -> [B,D,H/2,W/2,2C] (rounded up): the four tokens of a square side by side (rows of a column first),
/// LayerNorm over 4C, a linear map without bias.
at::Tensor merge_patches(const at::Tensor &x, const LayerNorm &norm, const Linear &reduction);

}  // namespace sta::ops
