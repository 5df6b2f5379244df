// SPDX-License-Identifier: MIT
// The few operations of a forward pass, as ATen calls that run on any device and in any precision. Faster versions are
// tested against these. Nothing here knows about models or pruning rules.
//
// Dimension letters: model/description.h.
#pragma once

#include <ATen/core/Tensor.h>

#include "ops/rotary.h"

namespace sta::ops {

/// GELU exactly, by the error function, or approximated with tanh.
enum class Gelu { kErf, kTanh };

struct Linear {
  at::Tensor weight;       // [out, in]; undefined if packed
  at::Tensor bias;         // [out]
  at::Tensor packed = {};  // the weights as the CPU's own kernels read them (cpu_ops.h); undefined if LibTorch computes
  int64_t inputs = 0;      // of packed weights
};

struct LayerNorm {
  at::Tensor weight, bias;  // [C]
  double eps = 1e-6;
};

/// Tubelets as a matrix product. clip [B,3,T,H,W] -> [B,L,C], L in order t, y, x; proj.weight [C,
/// 3·tubelet·patch·patch].
at::Tensor patch_embed(const at::Tensor &clip, const Linear &proj, int tubelet, int patch);

/// clip [B,3,T,H,W] -> [B,L,3·tubelet·patch·patch], the pixels of each token in the order of proj.weight.
at::Tensor tubelets(const at::Tensor &clip, int tubelet, int patch);

/// x [..,in] -> [..,out]
at::Tensor linear(const at::Tensor &x, const Linear &l);

/// x [..,C] -> [..,C]
at::Tensor layer_norm(const at::Tensor &x, const LayerNorm &norm);

/// x [B,L,C] -> [B,L,C]: fc2(GELU(fc1 x)).
at::Tensor mlp(const at::Tensor &x, const Linear &fc1, const Linear &fc2, Gelu gelu = Gelu::kErf);

struct AttentionOutput {
  at::Tensor x;     // [B,L,C], after the output projection
  at::Tensor keys;  // [B,L,h,D], a view, before they are rotated; undefined if not asked for
};

/// Multi-head self-attention of x [B,L,C]. The rows of qkv.weight are q, k, v, each heads × D. rotation: of the L tokens.
AttentionOutput attention(const at::Tensor &x, const Linear &qkv, const Linear &proj, int heads, bool want_keys, const Rotation &rotation = {});

/// x [B,L,C] += attention(norm(x)). normed: norm(x), if it is there already. Returns the keys [B,L,h,D], which the
/// thread's next attention may overwrite, before they are rotated; undefined if they are not wanted.
at::Tensor add_attention(at::Tensor &x, const at::Tensor &normed, const LayerNorm &norm, const Linear &qkv, const Linear &proj, int heads,
                         bool want_keys, const Rotation &rotation = {});

/// x [B,L,C] += mlp(norm(x))
void add_mlp(at::Tensor &x, const LayerNorm &norm, const Linear &fc1, const Linear &fc2, Gelu gelu = Gelu::kErf);

/// keys [B,L,h,D] -> f32 [B,L,D], mean over heads.
at::Tensor key_mean(const at::Tensor &keys);

/// x [B,L,C], index int64 [B,K] -> [B,K,C]
at::Tensor gather_tokens(const at::Tensor &x, const at::Tensor &index);

/// The fixed 1-D sin-cos table over the flattened token index, computed in double: f32 [L,C]; even channels sine, odd
/// cosine, angle(p,j) = p / 10000^(2·floor(j/2)/C).
at::Tensor position_table(int64_t tokens, int64_t channels);

}  // namespace sta::ops
