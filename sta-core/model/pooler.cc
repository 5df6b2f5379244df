// SPDX-License-Identifier: MIT
// See pooler.h.
#include "model/pooler.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <string>
#include <utility>

#include "ops/attention.h"

namespace sta {

AttentivePooler::AttentivePooler(const ModelDescription &m, WeightReader &weights)
    : heads_(m.num_heads), gelu_(m.tanh_gelu ? ops::Gelu::kTanh : ops::Gelu::kErf) {
  for (int i = 0; i < m.pooler_blocks; ++i) blocks_.emplace_back(weights, "pooler.blocks." + std::to_string(i) + ".", m.block_eps, heads_, gelu_);
  query_ = weights.tensor("pooler.query").view({1, 1, m.embed_dim});
  projected_query_ = ops::linear(query_, weights.linear("pooler.cross.attn.q")).view({1, heads_, 1, m.head_dim()});
  norm1_ = weights.norm("pooler.cross.norm1", m.block_eps);
  norm2_ = weights.norm("pooler.cross.norm2", m.block_eps);
  kv_ = weights.linear("pooler.cross.attn.kv");
  fc1_ = weights.linear("pooler.cross.mlp.fc1");
  fc2_ = weights.linear("pooler.cross.mlp.fc2");
}

at::Tensor AttentivePooler::pool(at::Tensor x) const {
  for (const Block &block : blocks_) {
    block.add_attention(x, {}, {}, /*want_keys=*/false);
    block.add_mlp(x);
  }
  const int64_t b = x.size(0), k = x.size(1), c = x.size(2), d = c / heads_;
  const at::Tensor kv = ops::linear(ops::layer_norm(x, norm1_), kv_).view({b, k, 2, heads_, d});
  const at::Tensor mixed =
      ops::attend(projected_query_.expand({b, heads_, 1, d}), kv.select(2, 0).transpose(1, 2), kv.select(2, 1).transpose(1, 2));  // [B,h,1,D]
  at::Tensor y = query_ + mixed.transpose(1, 2).reshape({b, 1, c});
  ops::add_mlp(y, norm2_, fc1_, fc2_, gelu_);
  return y.squeeze(1);
}

}  // namespace sta
