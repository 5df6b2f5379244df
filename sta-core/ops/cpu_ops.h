// SPDX-License-Identifier: MIT
// The parts of a transformer block on the kernels of cpu/cpu_kernels.h. ops.h uses them for layers whose weights are
// packed. Results in between stay in buffers of the calling thread, which grow to what the largest pass needs and are
// kept: a warm pass asks the system for no memory here.
//
// All tensors: f32, on the CPU, contiguous. The layers of one block are either all packed or none is. Thread-safe. Throws
// c10::Error (out of memory).
#pragma once

#include <ATen/core/Tensor.h>

#include "ops/ops.h"

namespace sta::ops {

/// Whether layers of this type on this device are to be packed: f32, on a CPU that has the kernels.
bool packs(at::Device device, at::ScalarType type);

/// A packed layer. weight [out, ..]: of any floating type, on the CPU; it is read, not kept. bias: f32 [out].
Linear packed(const at::Tensor &weight, const at::Tensor &bias);

/// x [..,in] -> [..,out] of GELU(x) if gelu is set, of x if not
at::Tensor packed_linear(const at::Tensor &x, const Linear &layer, bool gelu = false);

/// x [B,L,C] += attention(norm(x)). Returns the keys [B,L,h,D], a view that the thread's next attention overwrites;
/// undefined if they are not wanted.
at::Tensor packed_add_attention(at::Tensor &x, const LayerNorm &norm, const Linear &qkv, const Linear &proj, int heads, bool want_keys);

/// x [B,L,C] += fc2(GELU(fc1 norm(x)))
void packed_add_mlp(at::Tensor &x, const LayerNorm &norm, const Linear &fc1, const Linear &fc2);

/// What patch_embed (ops.h) gives, plus the rows of position [L,C]; undefined: plus nothing. clip f32 [B,3,T,H,W]; tokens
/// int64 [B,K]: only these, undefined: all. Returns [B,K,C], a view that the thread's next packed_embed or packed_gather
/// overwrites.
at::Tensor packed_embed(const at::Tensor &clip, const Linear &proj, const at::Tensor &position, int tubelet, int patch, const at::Tensor &tokens);

/// x [B,L,C], kept int64 [B,K] -> [B,K,C]. x may be what packed_embed or packed_gather has returned. The result is a
/// view that the second next packed_gather or the next packed_embed of the thread overwrites.
at::Tensor packed_gather(const at::Tensor &x, const at::Tensor &kept);

}  // namespace sta::ops
