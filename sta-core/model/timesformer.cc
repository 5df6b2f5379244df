// SPDX-License-Identifier: MIT
// See timesformer.h.
#include "model/timesformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>

#include <string>
#include <utility>

namespace sta {

TimeSformer::TimeSformer(const ModelDescription &description, StateDict weights, at::ScalarType type, at::Device device)
    : TimeSformer(description, WeightReader(weights, type, device), type, device) {}

TimeSformer::TimeSformer(const ModelDescription &description, WeightReader weights, at::ScalarType type, at::Device device)
    : Model(description, type, device), head_(description_, weights) {
  const ModelDescription &m = description_;
  const int64_t c = m.embed_dim, n = m.step_tokens();
  patch_ = weights.linear("patch_embed.proj");
  if (patch_.weight.defined()) patch_.weight = patch_.weight.view({c, m.patch_volume()});
  const at::Tensor places = weights.tensor("positions"), steps = weights.tensor("time_positions");  // [1+n_s,C], [T,C]
  class_ = (weights.tensor("class_token") + places[0]).view({1, 1, c});
  positions_ = places.narrow(0, 1, n).unsqueeze(1) + steps.unsqueeze(0);
  blocks_.reserve(static_cast<size_t>(m.depth));
  for (int i = 0; i < m.depth; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".", time = block + "temporal.";
    temporal_.push_back({weights.norm(time + "norm", m.block_eps), weights.linear(time + "attn.qkv"), weights.linear(time + "attn.proj"),
                         weights.linear(time + "dense")});
    blocks_.emplace_back(weights, block, m.block_eps, m.num_heads, m.tanh_gelu ? ops::Gelu::kTanh : ops::Gelu::kErf);
  }
}

// clip [B,3,T,H,W] -> [B,1+n_s·T,C]
at::Tensor TimeSformer::embed(const at::Tensor &clip) const {
  const int64_t b = clip.size(0), t = description_.steps(), n = description_.step_tokens(), c = description_.embed_dim;
  const at::Tensor patches = ops::patch_embed(clip, patch_, description_.tubelet, description_.patch).view({b, t, n, c});
  return at::cat({class_.expand({b, 1, c}), (patches.transpose(1, 2) + positions_).reshape({b, n * t, c})}, 1);
}

// x [B,1+n_s·T,C]: each token of a patch attends to those at its place.
void TimeSformer::attend_in_time(at::Tensor &x, const Temporal &temporal) const {
  const int64_t b = x.size(0), t = description_.steps(), n = description_.step_tokens(), c = x.size(2);
  at::Tensor patches = x.narrow(1, 1, n * t);
  const at::Tensor columns = ops::layer_norm(patches.reshape({b * n, t, c}), temporal.norm);
  const at::Tensor attended = ops::attention(columns, temporal.qkv, temporal.proj, description_.num_heads, /*want_keys=*/false).x;
  patches += ops::linear(attended, temporal.dense).view({b, n * t, c});
}

// x [B,1+n_s·T,C]: each token of a patch attends to those of its step and to the class token. The class token attends to
// every step by itself, and takes the mean.
void TimeSformer::attend_in_space(at::Tensor &x, const Block &block) const {
  const int64_t b = x.size(0), t = description_.steps(), n = description_.step_tokens(), c = x.size(2);
  at::Tensor first = x.narrow(1, 0, 1), patches = x.narrow(1, 1, n * t);
  const at::Tensor frames = at::cat({first.unsqueeze(1).expand({b, t, 1, c}), patches.reshape({b, n, t, c}).transpose(1, 2)}, 2);  // [B,T,1+n_s,C]
  const at::Tensor normed = ops::layer_norm(frames.view({b * t, 1 + n, c}), block.norm1);
  const at::Tensor attended = ops::attention(normed, block.qkv, block.proj, block.heads, /*want_keys=*/false).x.view({b, t, 1 + n, c});
  first += attended.narrow(2, 0, 1).mean(1);
  patches += attended.narrow(2, 1, n).transpose(1, 2).reshape({b, n * t, c});
}

ForwardOutput TimeSformer::forward(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe) const {
  TORCH_CHECK(!prune.active() && prune.still.empty(), "a TimeSformer attends to time and space in turn: no token of it can be dropped");
  ForwardOutput out;
  at::Tensor x = embed(clip.to(device_, type_));
  if (probe && probe->point) probe->point("embedding", x);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    attend_in_time(x, temporal_[i]);
    attend_in_space(x, blocks_[i]);
    blocks_[i].add_mlp(x);
    if (probe && probe->block) probe->block(static_cast<int>(i), x);
  }
  out.features = head_.features(x, {{}, {0}});
  out.logits = head_.logits(out.features);
  return out;
}

}  // namespace sta
