// SPDX-License-Identifier: MIT
// WindowPlan: where the tokens of a grid go when a Video Swin block cuts the grid into windows. Padding, cyclic shift,
// cutting, and undoing all of them form one permutation with holes. It is stored once as index lists. So each direction
// is one gather of whole rows, whatever tokens were pruned.
//
//   padding  the grid is padded at its end to multiples of the window. Padding tokens are zero vectors before the qkv
//            projection, so their q, k, v are the bias of qkv. They are ordinary keys and take softmax weight.
//   shift    odd blocks roll the padded grid by half a window before they cut it. Windows that then hold both ends of
//            the grid are split: pairs of tokens in different regions get -100. Only the last windows of a shifted
//            dimension are split, so there are at most eight masks. Windows with equal masks are stored together (a
//            run), and each run is one attention call with one mask.
//   clipped  if the grid is not larger than the window in a dimension, the window takes the grid's size there and is
//            not shifted. The relative position of two tokens is still looked up as if their numbers counted through
//            the full window, because the published models were trained so.
//
// Source: Liu et al., "Video Swin Transformer", CVPR 2022, as its released code computes it. Dimension letters:
// model/description.h, and
//   nW windows   N tokens of a window   S = nW·N slots, in run order: window by window, steps, rows, columns in each
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

namespace sta::ops {

struct WindowRun {
  int64_t first, count;  // windows
  at::Tensor mask;       // [N,N] 0 or -100, added to the scores; undefined: nothing to add
};

struct WindowPlan {
  int64_t tokens = 0;         // L
  int64_t windows = 0;        // nW
  int64_t window_tokens = 0;  // N
  bool padded = false;        // some slots hold padding
  std::vector<WindowRun> runs;
  at::Tensor slot_token;  // int64 [S]: token of each slot, L for padding
  at::Tensor token_slot;  // int64 [L]
  at::Tensor run_first;   // int64 [L]: first slot of the run that the token is in ...
  at::Tensor run_slots;   // int64 [L]: ... and how many it has
  at::Tensor bias_row;    // int64 [N·N]: row of the table of relative positions for query i, key j
};

/// grid, window: steps, rows, columns; window as configured. shifted: an odd block. Tensors are made on `device`, masks
/// as `type`.
WindowPlan make_window_plan(const std::array<int, 3> &grid, const std::array<int, 3> &window, bool shifted, at::ScalarType type, at::Device device);

/// Rows of the table of relative positions: one for every possible offset between two tokens of a window.
inline int64_t bias_rows(const std::array<int, 3> &w) { return int64_t{2 * w[0] - 1} * (2 * w[1] - 1) * (2 * w[2] - 1); }

/// int64 [N·N] for the first `tokens` = N tokens of the window. For the whole window (N = Wd·Wh·Ww), files store the
/// same numbers as relative_position_index.
at::Tensor relative_position_rows(const std::array<int, 3> &window, int64_t tokens);

/// The plan for a batch whose tokens are rows of one matrix [R,C].
struct WindowIndex {
  at::Tensor slot_row;  // int64 [B·S], run by run, and item by item in each run: row of each slot
  at::Tensor out_slot;  // int64 [B·K], item by item: slot, in that order, of each wanted token
};

/// row_of   int64 [B,L+1]: row of each token, and of padding
/// wanted   int64 [B,K]: tokens that are wanted, in this order
WindowIndex index_windows(const WindowPlan &plan, const at::Tensor &row_of, const at::Tensor &wanted);

}  // namespace sta::ops
