// SPDX-License-Identifier: MIT
// See vit.h.
#include "model/vit.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <utility>

#include "ops/cpu_ops.h"
#include "pruning/prune_cpu.h"
#include "pruning/ragged.h"

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
  auto linear = [&](const std::string &name, at::ScalarType to) {
    if (to != type || !ops::packs(device, to)) return ops::Linear{pack(name + ".weight", to), pack(name + ".bias", to)};
    // Packed from where they are: a copy in between would be one more in memory.
    const at::Tensor read = std::move(weights.at(name + ".weight"));
    return ops::packed(read, pack(name + ".bias", to));
  };
  auto norm = [&](const std::string &name, double eps, at::ScalarType to) {
    return ops::LayerNorm{pack(name + ".weight", to), pack(name + ".bias", to), eps};
  };
  const ModelDescription &m = description_;
  patch_ = linear("patch_embed.proj", type);
  if (patch_.weight.defined()) patch_.weight = patch_.weight.view({m.embed_dim, m.patch_volume()});
  position_ = ops::position_table(m.tokens(), m.embed_dim).to(device, type);
  for (int i = 0; i < m.depth; ++i) {
    const std::string b = "blocks." + std::to_string(i) + ".";
    blocks_.push_back({norm(b + "norm1", m.block_eps, type), norm(b + "norm2", m.block_eps, type), linear(b + "attn.qkv", type),
                       linear(b + "attn.proj", type), linear(b + "mlp.fc1", type), linear(b + "mlp.fc2", type)});
  }
  last_norm_ = m.mean_pooling ? norm("fc_norm", m.fc_norm_eps, at::kFloat) : norm("norm", m.block_eps, at::kFloat);
  head_ = linear("head", at::kFloat);
}

// [B,K,C], the tokens that enter the first block.
at::Tensor Vit::embed(const at::Tensor &clip, const PruneSettings &prune, ForwardOutput &out, Still &still) const {
  const ModelDescription &m = description_;
  if (prune.still.empty()) {
    if (patch_.packed.defined()) return ops::packed_embed(clip, patch_, position_, m.tubelet, m.patch, {});
    at::Tensor x = ops::patch_embed(clip, patch_, m.tubelet, m.patch);  // [B,L,C]
    x += position_;
    return x;
  }
  const int64_t b = clip.size(0), k = static_cast<int64_t>(prune.still[0].tokens.size());
  TORCH_CHECK(static_cast<int64_t>(prune.still.size()) == b, "the kept tokens of ", prune.still.size(), " windows for a batch of ", b);
  at::Tensor tokens = at::empty({b, k}, at::kLong), weights = at::empty({b, k}, at::kFloat);
  std::vector<std::vector<int>> counts;
  for (int64_t i = 0; i < b; ++i) {
    const StillTokens &kept = prune.still[static_cast<size_t>(i)];
    TORCH_CHECK(static_cast<int64_t>(kept.tokens.size()) == k, "windows of one batch keep ", k, " and ", kept.tokens.size(), " tokens");
    std::copy(kept.tokens.begin(), kept.tokens.end(), tokens.data_ptr<int64_t>() + i * k);
    std::copy(kept.runs.begin(), kept.runs.end(), weights.data_ptr<float>() + i * k);
    counts.emplace_back(m.steps());
    for (const int32_t token : kept.tokens) ++counts.back()[static_cast<size_t>(token / m.step_tokens())];
  }
  out.input_tokens = tokens.to(device_);
  still.weights = weights.to(device_);
  if (prune.active()) still.calls = plan_ragged(counts, m.step_tokens(), prune.drop_number, !m.mean_pooling, prune.rule == STA_PRUNING_STA);
  // Pixels of dropped tokens are not looked at.
  if (patch_.packed.defined()) return ops::packed_embed(clip, patch_, position_, m.tubelet, m.patch, out.input_tokens);
  at::Tensor x = ops::linear(ops::gather_tokens(ops::tubelets(clip, m.tubelet, m.patch), out.input_tokens), patch_);
  x += position_.index_select(0, out.input_tokens.view({-1})).view({b, k, m.embed_dim});
  return x;
}

// What the last norm reads, f32 [B,C]. A mean counts a token as often as it stands for a step.
at::Tensor Vit::head_input(const at::Tensor &x, int64_t class_token, const Still &still) const {
  if (class_token >= 0 && still.calls.empty()) return x.select(1, class_token).to(at::kFloat);
  if (class_token >= 0) {
    // Where it went differs between windows of which one has tokens in the first step alone.
    std::vector<at::Tensor> rows;
    const std::vector<RaggedGroups> &windows = still.calls.back().windows;
    for (size_t b = 0; b < windows.size(); ++b) rows.push_back(x[static_cast<int64_t>(b)][windows[b].keep_token_after]);
    return at::stack(rows).to(at::kFloat);
  }
  if (!still.weights.defined()) return x.to(at::kFloat).mean(1);
  const at::Tensor share = still.weights / still.weights.sum(1, true);
  return at::matmul(share.unsqueeze(1), x.to(at::kFloat)).squeeze(1);
}

ForwardOutput Vit::forward(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe) const {
  const ModelDescription &m = description_;
  ForwardOutput out;
  Still still;
  at::Tensor x = embed(clip.to(device_, type_), prune, out, still);
  at::Tensor normed;                              // norm1 of x, if the pruning kernels have already made it
  int64_t class_token = m.mean_pooling ? -1 : 0;  // position of the token that the head reads; -1: it reads the mean
  for (int i = 0; i < m.depth; ++i) {
    const Block &block = blocks_[i];
    PruneCall call = prune.active() ? prune_call_after(m, i) : PruneCall{0, 0, false};
    call.keep_token = class_token;
    // The scores use the keys of this same block, before its MLP, as in the official code.
    const at::Tensor keys = ops::add_attention(x, normed, block.norm1, block.qkv, block.proj, m.num_heads, call.index != 0);
    normed.reset();
    ops::add_mlp(x, block.norm2, block.fc1, block.fc2);
    if (probe && probe->block) probe->block(i, x);
    if (call.index == 0) continue;
    if (!still.calls.empty()) {
      const RaggedCall &ragged = still.calls[static_cast<size_t>(call.index - 1)];
      at::Tensor keep;
      if (kernels_take(kernels_, x, keys, ragged, prune)) {
        PrunedTokens pruned = prune_by_kernels(*kernels_, x, keys, ragged, i + 1 < m.depth ? &blocks_[i + 1].norm1 : nullptr);
        x = std::move(pruned.x);
        normed = std::move(pruned.normed);
        keep = std::move(pruned.kept);
      } else if (cpu_takes(x, keys, prune)) {
        keep = select_on_cpu(x, keys, ragged);
        x = ops::packed_gather(x, keep);
      } else {
        keep = select_ragged(x, ops::key_mean(keys), ragged, prune);
        x = ops::gather_tokens(x, keep);
      }
      still.weights = still.weights.gather(1, keep);
      out.kept.push_back(keep);
      continue;
    }
    if (class_token >= 0) class_token = keep_token_after(call, prune, x.size(1));
    const bool traced = probe && probe->prune;
    if (!traced && kernels_take(kernels_, x, keys, call, prune)) {
      PrunedTokens pruned = prune_by_kernels(*kernels_, x, keys, call, prune.drop_number, i + 1 < m.depth ? &blocks_[i + 1].norm1 : nullptr);
      x = std::move(pruned.x);
      normed = std::move(pruned.normed);
      out.kept.push_back(std::move(pruned.kept));
      continue;
    }
    if (!traced && cpu_takes(x, keys, prune)) {
      out.kept.push_back(select_on_cpu(x, keys, call, prune.drop_number));
      x = ops::packed_gather(x, out.kept.back());
      continue;
    }
    PruneTrace trace;
    const at::Tensor key_mean = ops::key_mean(keys);
    const at::Tensor keep = select_tokens(x, key_mean, call, prune, traced ? &trace : nullptr);
    if (traced) probe->prune(call.index, key_mean, trace);
    x = ops::gather_tokens(x, keep);
    out.kept.push_back(keep);
  }
  out.features = ops::layer_norm(head_input(x, class_token, still), last_norm_);
  out.logits = ops::linear(out.features, head_);
  return out;
}

}  // namespace sta
