// SPDX-License-Identifier: MIT
// One pruning step of a forward pass: select, gather, and the LayerNorm that reads the result. Two ways to the same
// tokens: the ATen form, which is the reference and runs on every device, and the kernels of libsta-cuda, which need
// four launches for what ATen does in over a hundred.
#pragma once

#include "cuda/kernel_library.h"
#include "ops/ops.h"
#include "pruning/pruning.h"

namespace sta {

struct PrunedTokens {
  at::Tensor x;       // [B,T·(N-r),C]
  at::Tensor kept;    // int64 [B,T·(N-r)], as of select_tokens
  at::Tensor normed;  // LayerNorm(x), same shape and type; undefined if it was not asked for or the ATen form was used
};

/// Whether `kernels` (NULL: no) take a call on x [B,L,C] and keys [B,L,h,D]: the sta rule, a floating type they know,
/// sizes within their limits.
bool kernels_take(const KernelLibrary *kernels, const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, const PruneSettings &settings);

/// Only the selection: int64 [B,T·(N-r)] as of select_tokens. Like prune_by_kernels else.
at::Tensor select_by_kernels(const KernelLibrary &kernels, const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, int drop_number);

/// Prunes by the kernels, in the current stream of x's device; nothing waits. kernels_take() must have said yes. next:
/// the LayerNorm of the block that follows, NULL for none. The memory of x must be on a device that the kernels run on.
/// Throws c10::Error if the CUDA runtime reports an error.
PrunedTokens prune_by_kernels(const KernelLibrary &kernels, const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, int drop_number,
                              const ops::LayerNorm *next);

}  // namespace sta
