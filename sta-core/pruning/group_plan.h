// SPDX-License-Identifier: MIT
// GroupPlan: the groups of one pruning call in the form that kernels read, on the CPU and in CUDA (cuda/sta_cuda.h): in
// the order of the scan, with the number of tokens that each keeps and the place where they go.
#pragma once

#include <vector>

#include "cuda/sta_cuda.h"
#include "pruning/ragged_plan.h"

namespace sta {

/// [B,T] groups of a call on windows that have lost still tokens. Empty groups stand behind the others of their window.
std::vector<sta_cuda_group> group_plan(const RaggedCall &call);

/// [1,T] groups of equal size, which is the same for all windows. group_tokens: N. drop: r. keep_token: index in the
/// call's input of a token that has to stay, or -1.
std::vector<sta_cuda_group> group_plan(int groups, int group_tokens, int drop, bool backward, int64_t keep_token);

}  // namespace sta
