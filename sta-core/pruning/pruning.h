// SPDX-License-Identifier: MIT
// Token pruning: one interface, three rules. A call sees L = T·N tokens in T groups that are contiguous in time, and
// drops r of every group.
//
//   sta     the paper's rule: Ding et al., "Prune Spatio-temporal Tokens by Semantic-aware Temporal Accumulation", ICCV
//           2023, Algorithm 1, as its released code computes it (where paper and code differ, the code decides: its
//           numbers are the ones that were published)
//   random  as many tokens, chosen by a seeded generator: the baseline of the paper's Fig 4
//   none    dense
//
// Dimension letters: model/description.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "sta/sta.h"
#include "stillness/still_mask.h"

namespace sta {

/// What one forward pass prunes with.
struct PruneSettings {
  sta_pruning rule = STA_PRUNING_STA;
  int drop_number = 0;          // r; 0 = dense
  std::vector<uint64_t> seeds;  // [B], of the random rule; missing ones are 0
  // Video Swin only, for comparison: windows see the keys of dropped tokens as well, computed in each block from their
  // value at the stage's entry.
  bool fill_dropped_keys = false;
  // The tokens of each window that enter the first block, K of each; empty: all of them. A plain ViT only.
  std::vector<StillTokens> still = {};  // [B]

  bool active() const { return rule != STA_PRUNING_NONE && drop_number > 0; }
};

/// One of the three calls of a forward pass, at the places that the model says. Groups are halved from call to call and
/// the scan direction alternates, so that both ends of the clip serve as the reference once.
struct PruneCall {
  int index;      // 1, 2, 3
  int groups;     // T: n_t, n_t/2, n_t/4
  bool backward;  // call 2 scans from the newest group to the oldest
  // Index in this call's input of a token that stays whatever its scores are, because the head reads it; the others are
  // dropped in its place, so that groups lose r tokens as ever. -1: none. In the group scanned first it has to be at an
  // even position (a source), and r below the number of sources.
  int64_t keep_token = -1;
};

/// Where call.keep_token lies in the call's output, known without looking at scores: the host never waits for it.
/// tokens: L of the call's input.
int64_t keep_token_after(const PruneCall &call, const PruneSettings &settings, int64_t tokens);

/// The scores behind a selection, for tests and pictures. Groups and tokens in the call's input order; F, A, S as in
/// design and paper; A and S are -1 in the group scanned first, which is pruned by similarity alone.
struct PruneTrace {
  at::Tensor semantic;     // F~ f32 [B,T,N]
  at::Tensor accumulated;  // A  f32 [B,T,N]
  at::Tensor score;        // S = A·(1 - F~) f32 [B,T,N]
  at::Tensor first_sim;    // f32 [B,ceil(N/2)]: largest cosine of each even position of the first group to an odd one (of what the last round saw)
};

/// Selects the tokens to keep.
///   x         [B,L,C] residual stream after the block, any floating type
///   key_mean  [B,L,D] mean over heads of that block's keys, any floating type; scoring is done in fp32 whatever comes
///   in
/// Returns int64 [B, T·(N-r)], indices into 0..L-1 in emitted order (groups ascending in time; inside a group ascending
/// score). L must be a multiple of T, and r < N. The first group loses even positions; if that is not enough (r >
/// ceil(N/2), no case of the paper's ViT), all of them go and the matching is repeated on the odd ones. Degenerate
/// input (all tokens equal, zero keys) gives finite scores; ties keep the earlier token.
at::Tensor select_tokens(const at::Tensor &x, const at::Tensor &key_mean, const PruneCall &call, const PruneSettings &settings,
                         PruneTrace *trace = nullptr);

/// The rules themselves; select_tokens dispatches.
at::Tensor select_sta(const at::Tensor &x, const at::Tensor &key_mean, const PruneCall &call, int drop_number, PruneTrace *trace);
at::Tensor select_random(int64_t batch, int64_t tokens, at::Device device, const PruneCall &call, const PruneSettings &settings);

}  // namespace sta
