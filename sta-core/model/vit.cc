// SPDX-License-Identifier: MIT
// See vit.h.
#include "model/vit.h"

#include <ATen/core/Tensor.h>

#include <utility>

namespace sta {

PruneCall prune_call_after(const ModelDescription &m, int block) {
  if (block == 0) return {1, m.steps(), false};
  if (block == m.depth / 3) return {2, m.steps() / 2, true};
  if (block == 2 * m.depth / 3) return {3, m.steps() / 4, false};
  return {0, 0, false};
}

Vit::Vit(const ModelDescription &description, StateDict weights, at::ScalarType type, at::Device device, const KernelLibrary *kernels)
    : Model(description, type, device), kernels_(kernels) {
  auto pack = [&](const std::string &name, at::ScalarType to) { return take_weight(weights, name, to, device); };
  auto linear = [&](const std::string &name, at::ScalarType to) { return ops::Linear{pack(name + ".weight", to), pack(name + ".bias", to)}; };
  auto norm = [&](const std::string &name, double eps, at::ScalarType to) {
    return ops::LayerNorm{pack(name + ".weight", to), pack(name + ".bias", to), eps};
  };
  const ModelDescription &m = description_;
  patch_ = linear("patch_embed.proj", type);
  patch_.weight = patch_.weight.view({m.embed_dim, m.patch_volume()});
  position_ = ops::position_table(m.tokens(), m.embed_dim).to(device, type);
  for (int i = 0; i < m.depth; ++i) {
    const std::string b = "blocks." + std::to_string(i) + ".";
    blocks_.push_back({norm(b + "norm1", m.block_eps, type), norm(b + "norm2", m.block_eps, type), linear(b + "attn.qkv", type),
                       linear(b + "attn.proj", type), linear(b + "mlp.fc1", type), linear(b + "mlp.fc2", type)});
  }
  last_norm_ = m.mean_pooling ? norm("fc_norm", m.fc_norm_eps, at::kFloat) : norm("norm", m.block_eps, at::kFloat);
  head_ = linear("head", at::kFloat);
}

ForwardOutput Vit::forward(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe) const {
  const ModelDescription &m = description_;
  ForwardOutput out;
  at::Tensor x = ops::patch_embed(clip.to(device_, type_), patch_, m.tubelet, m.patch);  // [B,L,C]
  x += position_;
  at::Tensor normed;                              // norm1 of x, if the pruning kernels have already made it
  int64_t class_token = m.mean_pooling ? -1 : 0;  // position of the token that the head reads; -1: it reads the mean
  for (int i = 0; i < m.depth; ++i) {
    const Block &block = blocks_[i];
    PruneCall call = prune.active() ? prune_call_after(m, i) : PruneCall{0, 0, false};
    call.keep_token = class_token;
    // The scores use the keys of this same block, before its MLP, as in the official code.
    const ops::AttentionOutput attended =
        ops::attention(normed.defined() ? normed : ops::layer_norm(x, block.norm1), block.qkv, block.proj, m.num_heads, call.index != 0);
    normed.reset();
    x += attended.x;
    x += ops::mlp(ops::layer_norm(x, block.norm2), block.fc1, block.fc2);
    if (probe && probe->block) probe->block(i, x);
    if (call.index == 0) continue;
    if (class_token >= 0) class_token = keep_token_after(call, prune, x.size(1));
    const bool traced = probe && probe->prune;
    if (!traced && kernels_take(kernels_, x, attended.keys, call, prune)) {
      PrunedTokens pruned = prune_by_kernels(*kernels_, x, attended.keys, call, prune.drop_number, i + 1 < m.depth ? &blocks_[i + 1].norm1 : nullptr);
      x = std::move(pruned.x);
      normed = std::move(pruned.normed);
      out.kept.push_back(std::move(pruned.kept));
      continue;
    }
    PruneTrace trace;
    const at::Tensor key_mean = ops::key_mean(attended.keys);
    const at::Tensor keep = select_tokens(x, key_mean, call, prune, traced ? &trace : nullptr);
    if (traced) probe->prune(call.index, key_mean, trace);
    x = ops::gather_tokens(x, keep);
    out.kept.push_back(keep);
  }
  out.features = ops::layer_norm(m.mean_pooling ? x.to(at::kFloat).mean(1) : x.select(1, class_token).to(at::kFloat), last_norm_);
  out.logits = ops::linear(out.features, head_);
  return out;
}

}  // namespace sta
