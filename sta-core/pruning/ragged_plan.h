// SPDX-License-Identifier: MIT
// RaggedPlan: how many tokens each group of each pruning call has, and how many it loses, where stillness has taken
// tokens away before the first block. Groups then differ in size. Everything follows from the counts of the first call
// and from r, so the host knows all shapes before the pass begins, and a device is never waited for.
//
//   call c   the groups of call 1 are the steps; two neighbours merge from call to call, as in the dense case
//   drops    a call on K tokens drops round(r · K / N) of them, N the size of a dense group in that call. A group gets
//            its share by size: the largest remainders are rounded up. With nothing still every group loses r.
//   limits   a group of fewer than two tokens is left alone; a group keeps at least one token; the group scanned first
//            loses sources only, the even half of its tokens. What a group cannot lose others lose.
//
// All windows of a batch leave a call with the same number of tokens: each drops as many as the one that can drop
// fewest. Plain integers, without tensors.
#pragma once

#include <cstdint>
#include <vector>

namespace sta {

/// One pruning call on one window.
struct RaggedGroups {
  std::vector<int> counts;  // [groups] tokens, in time order; may be 0
  std::vector<int> drops;   // [groups] how many go
  // Position of the token that stays whatever its scores are, in the call's input, and in its output; -1: none.
  int64_t keep_token = -1, keep_token_after = -1;
};

struct RaggedCall {
  int index = 0;                      // 1, 2, 3
  bool backward = false;              // scans from the newest group to the oldest
  int tokens = 0;                     // K of the input, of each window
  int kept = 0;                       // K of the output
  std::vector<RaggedGroups> windows;  // [B]
};

/// The drops of one call that should be `total` in sum, or as many as the groups can lose if that is less. first: the
/// group scanned first; limited: the token that has to stay is one of its sources.
std::vector<int> share_drops(const std::vector<int> &counts, int total, int first, bool limited);

/// The three calls of a pass. counts: [B][n_t] tokens of each step of each window, with the same sum in each window.
/// step_tokens: n_s. drop_number: r, 1 .. n_s / 2. class_token: token 0 of step 0 has to stay. by_score: groups are
/// emitted as the sta rule does it; false: in the order of time and place, as the random rule does.
std::vector<RaggedCall> plan_ragged(const std::vector<std::vector<int>> &counts, int step_tokens, int drop_number, bool class_token, bool by_score);

}  // namespace sta
