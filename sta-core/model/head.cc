// SPDX-License-Identifier: MIT
// See head.h.
#include "model/head.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>

#include <utility>

namespace sta {

Head::Head(const ModelDescription &m, WeightReader &weights) : mean_(m.mean_pooling), extra_(m.extra_tokens()) {
  if (m.pooled_by_attention()) {
    norm_ = weights.norm("norm", m.block_eps);
    pooler_.emplace(m, weights);
  } else {
    norm_ = mean_ ? weights.norm("fc_norm", m.fc_norm_eps, at::kFloat) : weights.norm("norm", m.block_eps, at::kFloat);
  }
  classifier_ = weights.linear("head", at::kFloat);
}

at::Tensor Head::features(at::Tensor x, const HeadInput &input) const {
  if (pooler_) return pooler_->pool(ops::layer_norm(x, norm_)).to(at::kFloat);
  at::Tensor row;  // f32 [B,C]
  if (!mean_ && input.places.size() == 1) {
    row = x.select(1, input.places[0]).to(at::kFloat);
  } else if (!mean_) {
    std::vector<at::Tensor> rows;
    for (size_t b = 0; b < input.places.size(); ++b) rows.push_back(x[static_cast<int64_t>(b)][input.places[b]]);
    row = at::stack(rows).to(at::kFloat);
  } else {
    const at::Tensor patches = (extra_ > 0 ? x.narrow(1, extra_, x.size(1) - extra_) : x).to(at::kFloat);
    if (!input.weights.defined())
      row = patches.mean(1);
    else
      row = at::matmul((input.weights / input.weights.sum(1, true)).unsqueeze(1), patches).squeeze(1);
  }
  return ops::layer_norm(row, norm_);
}

}  // namespace sta
