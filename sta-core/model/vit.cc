// SPDX-License-Identifier: MIT
// See vit.h.
#include "model/vit.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

#include "ops/cpu_ops.h"
#include "pruning/prune_cpu.h"
#include "pruning/ragged.h"

namespace sta {
namespace {

std::vector<Block> read_blocks(const ModelDescription &m, WeightReader &weights) {
  std::vector<Block> blocks;
  blocks.reserve(static_cast<size_t>(m.depth));
  for (int i = 0; i < m.depth; ++i)
    blocks.emplace_back(weights, "blocks." + std::to_string(i) + ".", m.block_eps, m.num_heads, m.tanh_gelu ? ops::Gelu::kTanh : ops::Gelu::kErf);
  return blocks;
}

}  // namespace

PruneCall prune_call_after(const ModelDescription &m, int block) {
  if (block == 0) return {1, m.steps(), false};
  if (block == m.depth / 3) return {2, m.steps() / 2, true};
  if (block == 2 * m.depth / 3) return {3, m.steps() / 4, false};
  return {0, 0, false};
}

Vit::Vit(const ModelDescription &description, StateDict weights, at::ScalarType type, at::Device device, const KernelLibrary *kernels)
    : Vit(description, WeightReader(weights, type, device), type, device, kernels) {}

Vit::Vit(const ModelDescription &description, WeightReader weights, at::ScalarType type, at::Device device, const KernelLibrary *kernels)
    : Model(description, type, device),
      kernels_(kernels),
      embedding_(description_, weights, type, device),
      blocks_(read_blocks(description_, weights)),
      head_(description_, weights) {}

// [B,E+K,..] -> [B,K,..], without the tokens that are in no group.
at::Tensor Vit::patches(const at::Tensor &t) const {
  const int64_t e = description_.extra_tokens();
  return e > 0 ? t.narrow(1, e, t.size(1) - e) : t;
}

// The tokens that enter the first block. ragged: the pruning calls if still tokens were left out, else empty.
Vit::Tokens Vit::enter(const at::Tensor &clip, const PruneSettings &prune, ForwardOutput &out, std::vector<RaggedCall> &ragged) const {
  const ModelDescription &m = description_;
  Tokens all;
  if (!prune.still.empty()) {
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
    all.weights = weights.to(device_);
    if (embedding_.rotary()) all.places = out.input_tokens;
    if (prune.active()) ragged = plan_ragged(counts, m.step_tokens(), prune.drop_number, m.reads_first_patch(), prune.rule == STA_PRUNING_STA);
  }
  all.x = embedding_.tokens(clip, out.input_tokens);
  all.rotation = embedding_.rotation(all.places);
  return all;
}

// x, keys: of the patches alone. The result has no x if no kernel has gathered it: the caller does it then.
PrunedTokens Vit::prune_even(const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, const PruneSettings &prune,
                             const ops::LayerNorm *next, const ForwardProbe *probe) const {
  const bool traced = probe && probe->prune;
  if (!traced && kernels_take(kernels_, x, keys, call, prune)) return prune_by_kernels(*kernels_, x, keys, call, prune.drop_number, next);
  PrunedTokens pruned;
  if (!traced && cpu_takes(x, keys, prune)) {
    pruned.kept = select_on_cpu(x, keys, call, prune.drop_number);
    return pruned;
  }
  PruneTrace trace;
  const at::Tensor key_mean = ops::key_mean(keys);
  pruned.kept = select_tokens(x, key_mean, call, prune, traced ? &trace : nullptr);
  if (traced) probe->prune(call.index, key_mean, trace);
  return pruned;
}

PrunedTokens Vit::prune_ragged(const at::Tensor &x, const at::Tensor &keys, const RaggedCall &call, const PruneSettings &prune,
                               const ops::LayerNorm *next) const {
  if (kernels_take(kernels_, x, keys, call, prune)) return prune_by_kernels(*kernels_, x, keys, call, next);
  PrunedTokens pruned;
  pruned.kept = cpu_takes(x, keys, prune) ? select_on_cpu(x, keys, call) : select_ragged(x, ops::key_mean(keys), call, prune);
  return pruned;
}

// Leaves the kept patches, with all that belongs to them, and the tokens before the patches.
void Vit::keep(Tokens &t, PrunedTokens pruned, const ops::LayerNorm *next) const {
  const int64_t e = description_.extra_tokens();
  if (!pruned.x.defined()) {
    const at::Tensor stay = e > 0 ? at::constant_pad_nd(pruned.kept + e, {e, 0}) : pruned.kept;
    t.x = blocks_[0].qkv.packed.defined() ? ops::packed_gather(t.x, stay) : ops::gather_tokens(t.x, stay);
  } else if (e == 0) {
    t.x = std::move(pruned.x);
    t.normed = std::move(pruned.normed);
  } else {
    const at::Tensor first = t.x.narrow(1, 0, e);
    t.x = at::cat({first, pruned.x}, 1);
    if (pruned.normed.defined()) t.normed = at::cat({ops::layer_norm(first, *next), pruned.normed}, 1);
  }
  if (t.weights.defined()) t.weights = t.weights.gather(1, pruned.kept);
  if (!embedding_.rotary()) return;
  t.places = t.places.defined() ? t.places.gather(1, pruned.kept) : pruned.kept;
  t.rotation = embedding_.rotation(t.places);
}

ForwardOutput Vit::forward(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe) const {
  const ModelDescription &m = description_;
  ForwardOutput out;
  std::vector<RaggedCall> ragged;
  Tokens t = enter(clip.to(device_, type_), prune, out, ragged);
  if (probe && probe->point) probe->point("embedding", t.x);
  int64_t bound = m.reads_first_patch() ? 0 : -1;  // position of the patch that the head reads and that has to stay
  for (int i = 0; i < m.depth; ++i) {
    const Block &block = blocks_[static_cast<size_t>(i)];
    PruneCall call = prune.active() ? prune_call_after(m, i) : PruneCall{0, 0, false};
    call.keep_token = bound;
    // The scores use the keys of this same block, before its MLP, as in the official code.
    const at::Tensor keys = block.add_attention(t.x, t.normed, t.rotation, call.index != 0);
    t.normed.reset();
    block.add_mlp(t.x);
    if (probe && probe->block) probe->block(i, t.x);
    if (call.index == 0) continue;
    const ops::LayerNorm *next = i + 1 < m.depth ? &blocks_[static_cast<size_t>(i) + 1].norm1 : nullptr;
    const at::Tensor x = patches(t.x);
    PrunedTokens pruned = ragged.empty() ? prune_even(x, patches(keys), call, prune, next, probe)
                                         : prune_ragged(x, patches(keys), ragged[static_cast<size_t>(call.index - 1)], prune, next);
    if (bound >= 0 && ragged.empty()) bound = keep_token_after(call, prune, x.size(1));
    out.kept.push_back(pruned.kept);
    keep(t, std::move(pruned), next);
  }
  HeadInput input{t.weights, {std::max<int64_t>(bound, 0)}};
  if (bound >= 0 && !ragged.empty()) {
    // Where it went differs between windows of which one has tokens in the first step alone.
    input.places.clear();
    for (const RaggedGroups &window : ragged.back().windows) input.places.push_back(window.keep_token_after);
  }
  out.features = head_.features(t.x, input);
  out.logits = head_.logits(out.features);
  return out;
}

}  // namespace sta
