// SPDX-License-Identifier: MIT
// Block: a pre-norm transformer block, x += attention(norm1 x), x += mlp(norm2 x). All plain ViTs are made of it, and
// so are the blocks of an attentive pooler.
#pragma once

#include <string>

#include "model/weight_reader.h"
#include "ops/ops.h"

namespace sta {

struct Block {
  ops::LayerNorm norm1, norm2;
  ops::Linear qkv, proj, fc1, fc2;
  int heads = 0;
  ops::Gelu gelu = ops::Gelu::kErf;

  /// prefix: "blocks.3.", before "norm1", "attn.qkv" and so on.
  Block(WeightReader &weights, const std::string &prefix, double eps, int num_heads, ops::Gelu activation)
      : norm1(weights.norm(prefix + "norm1", eps)),
        norm2(weights.norm(prefix + "norm2", eps)),
        qkv(weights.linear(prefix + "attn.qkv")),
        proj(weights.linear(prefix + "attn.proj")),
        fc1(weights.linear(prefix + "mlp.fc1")),
        fc2(weights.linear(prefix + "mlp.fc2")),
        heads(num_heads),
        gelu(activation) {}

  /// The first half, on x [B,L,C]. normed: norm1 of x, if it is there already. Returns the keys [B,L,h,D] before they
  /// are rotated, which the thread's next attention may overwrite; undefined if they are not wanted.
  at::Tensor add_attention(at::Tensor &x, const at::Tensor &normed, const ops::Rotation &rotation, bool want_keys) const {
    return ops::add_attention(x, normed, norm1, qkv, proj, heads, want_keys, rotation);
  }
  /// The second half.
  void add_mlp(at::Tensor &x) const { ops::add_mlp(x, norm2, fc1, fc2, gelu); }
};

}  // namespace sta
