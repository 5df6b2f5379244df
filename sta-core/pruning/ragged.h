// SPDX-License-Identifier: MIT
// Token pruning where groups differ in size, because stillness took tokens away before the first block. The rules are
// those of pruning.h; every formula holds for groups of n_old and n_new tokens. With groups of one size the kept tokens
// are those of select_tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include "pruning/pruning.h"
#include "pruning/ragged_plan.h"

namespace sta {

/// Selects the tokens to keep.
///   x         [B,K,C] residual stream after the block, any floating type
///   key_mean  [B,K,D] mean over heads of that block's keys, any floating type; scoring is done in fp32
/// Returns int64 [B,K'], indices into 0..K-1 in emitted order: groups ascending in time, inside a group ascending score.
/// An empty group is passed over: the group before it in scan order is the past of the one behind it.
at::Tensor select_ragged(const at::Tensor &x, const at::Tensor &key_mean, const RaggedCall &call, const PruneSettings &settings);

/// The random rule; select_ragged dispatches. Inside a group ascending index. A token that has to stay must be the first
/// of its group.
at::Tensor select_ragged_random(at::Device device, const RaggedCall &call, const PruneSettings &settings);

}  // namespace sta
