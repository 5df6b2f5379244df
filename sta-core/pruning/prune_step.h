// SPDX-License-Identifier: MIT
// One pruning step of a forward pass: select tokens, gather them, and compute the LayerNorm that reads the result.
// There are two implementations that give the same tokens. The ATen form is the reference and runs on every device. The
// kernels of libsta-cuda need four launches where ATen needs over a hundred.
#pragma once

#include "cuda/kernel_library.h"
#include "ops/ops.h"
#include "pruning/pruning.h"
#include "pruning/ragged_plan.h"

namespace sta {

struct PrunedTokens {
  at::Tensor x;       // [B,T·(N-r),C]
  at::Tensor kept;    // int64 [B,T·(N-r)], as in select_tokens
  at::Tensor normed;  // LayerNorm(x), same shape and type; undefined if it was not asked for or the ATen form was used
};

/// Whether `kernels` can handle a call on x [B,L,C] and keys [B,L,h,D]. This needs the sta rule, a floating type that
/// they know, and sizes within their limits. NULL: false.
bool kernels_take(const KernelLibrary *kernels, const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, const PruneSettings &settings);

/// Only the selection: int64 [B,T·(N-r)] as in select_tokens. Otherwise like prune_by_kernels.
at::Tensor select_by_kernels(const KernelLibrary &kernels, const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, int drop_number);

/// Prunes with the kernels, in the current stream of x's device, and waits for nothing. kernels_take() must have
/// returned true. next: the LayerNorm of the following block, NULL for none. The memory of x must be on a device on
/// which the kernels run. Throws c10::Error if the CUDA runtime reports an error.
PrunedTokens prune_by_kernels(const KernelLibrary &kernels, const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, int drop_number,
                              const ops::LayerNorm *next);

/// The same for groups that differ in size. K' tokens are kept of each window, as select_ragged does it.
bool kernels_take(const KernelLibrary *kernels, const at::Tensor &x, const at::Tensor &keys, const RaggedCall &call, const PruneSettings &settings);
PrunedTokens prune_by_kernels(const KernelLibrary &kernels, const at::Tensor &x, const at::Tensor &keys, const RaggedCall &call,
                              const ops::LayerNorm *next);

}  // namespace sta
