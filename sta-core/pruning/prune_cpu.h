// SPDX-License-Identifier: MIT
// The pruning rule sta on the CPU's own kernels (cpu/cpu_kernels.h), for groups of equal size and of different sizes.
// pruning/sta.cc and ragged.cc are the reference; they need over a hundred small operations of LibTorch for one call,
// each with an allocation, and the time of these is felt in small models.
//
// Scores are fp32 and may differ from the reference in the last bits, so of two tokens whose scores are that near the
// other one may stay.
#pragma once

#include "pruning/pruning.h"
#include "pruning/ragged_plan.h"

namespace sta {

/// Whether select_on_cpu can handle a call: the sta rule on f32 tensors of the CPU, x [B,L,C] whose rows stand one after
/// the other, keys [B,L,h,D] with D contiguous.
bool cpu_takes(const at::Tensor &x, const at::Tensor &keys, const PruneSettings &settings);

/// int64 [B,K], as select_tokens() returns it. call.keep_token is obeyed. drop_number is at most half of a group, rounded
/// up. Thread-safe. Throws c10::Error.
at::Tensor select_on_cpu(const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, int drop_number);

/// The same as select_ragged() does it.
at::Tensor select_on_cpu(const at::Tensor &x, const at::Tensor &keys, const RaggedCall &call);

}  // namespace sta
