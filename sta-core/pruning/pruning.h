// SPDX-License-Identifier: MIT
// Token pruning with one interface and three rules. A call sees L = T·N tokens in T groups that are contiguous in time,
// and drops r tokens of every group.
//
//   sta     the paper's rule: Ding et al., "Prune Spatio-temporal Tokens by Semantic-aware Temporal Accumulation", ICCV
//           2023, Algorithm 1, as its released code computes it (where paper and code differ, the code decides, because
//           the published numbers come from it)
//   random  drops the same number of tokens, chosen by a seeded generator: the baseline of the paper's Fig 4
//   none    dense
//
// Dimension letters: model/description.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "sta/sta.h"

namespace sta {

/// The pruning settings of one forward pass.
struct PruneSettings {
  sta_pruning rule = STA_PRUNING_STA;
  int drop_number = 0;          // r; 0 = dense
  std::vector<uint64_t> seeds;  // [B], for the random rule; missing ones are 0
  // Video Swin only, for comparison: windows also see the keys of dropped tokens. Each block computes these keys from
  // the tokens' values at the stage's entry.
  bool fill_dropped_keys = false;

  bool active() const { return rule != STA_PRUNING_NONE && drop_number > 0; }
};

/// One of the three calls of a forward pass. The model decides where they are. The number of groups is halved from call
/// to call. The scan direction alternates, so both ends of the clip serve as the reference.
struct PruneCall {
  int index;      // 1, 2, 3
  int groups;     // T: n_t, n_t/2, n_t/4
  bool backward;  // call 2 scans from the newest group to the oldest
  // Index, in this call's input, of a token that stays whatever its scores are, because the head reads it. Its group
  // drops another token instead, so it still loses r tokens. -1: none. If the token is in the group that is scanned
  // first, its position must be even (a source), and r must be below the number of sources.
  int64_t keep_token = -1;
};

/// Where call.keep_token is in the call's output. This is known without the scores, so the host never waits for them.
/// tokens: L of the call's input.
int64_t keep_token_after(const PruneCall &call, const PruneSettings &settings, int64_t tokens);

/// The scores behind a selection, for tests and pictures. Groups and tokens are in the call's input order. F, A, S mean
/// the same as in the paper. A and S are -1 in the group that is scanned first, because similarity alone prunes it.
struct PruneTrace {
  at::Tensor semantic;     // F~ f32 [B,T,N]
  at::Tensor accumulated;  // A  f32 [B,T,N]
  at::Tensor score;        // S = A·(1 - F~) f32 [B,T,N]
  at::Tensor first_sim;    // f32 [B,ceil(N/2)]: largest cosine of each even position of the first group; last round
};

/// Selects the tokens to keep.
///   x         [B,L,C] residual stream after the block, any floating type
///   key_mean  [B,L,D] mean over heads of that block's keys, any floating type; scoring is always in fp32
/// Returns int64 [B, T·(N-r)], indices into 0..L-1 in emitted order (groups ascending in time; inside a group ascending
/// score). L must be a multiple of T, and r < N. The first group loses even positions. If these are not enough (r >
/// ceil(N/2), which never happens in the paper's ViT), all of them go, and the matching is repeated on the odd ones.
/// Degenerate input (all tokens equal, zero keys) gives finite scores. Ties keep the earlier token.
at::Tensor select_tokens(const at::Tensor &x, const at::Tensor &key_mean, const PruneCall &call, const PruneSettings &settings,
                         PruneTrace *trace = nullptr);

/// The rules themselves. select_tokens calls one of them.
at::Tensor select_sta(const at::Tensor &x, const at::Tensor &key_mean, const PruneCall &call, int drop_number, PruneTrace *trace);
at::Tensor select_random(int64_t batch, int64_t tokens, at::Device device, const PruneCall &call, const PruneSettings &settings);

}  // namespace sta
