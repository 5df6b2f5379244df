// SPDX-License-Identifier: MIT
// See video_swin.h.
#include "model/video_swin.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <utility>

namespace sta {

StagePrune stage_prune(const ModelDescription &m, int stage, int drop_number) {
  if (stage < 1 || stage > 3 || drop_number == 0 || m.max_drop_number() == 0) return {{0, 0, false}, 0};
  const int groups = m.steps() >> (stage - 1);
  const std::array<int, 3> grid = m.stage_grid(stage);
  const int64_t tokens = int64_t{grid[0]} / groups * grid[1] * grid[2];  // N
  // The share is r/784 at first and grows by r/1568 from stage to stage. At 224 x 224 a group then loses r, 3r/4, r/2
  // tokens.
  const int64_t drop = (tokens * drop_number * (stage + 1) + 784) / (2 * 784);
  return {{stage, groups, stage == 2}, static_cast<int>(std::min(drop, tokens - 1))};
}

VideoSwin::VideoSwin(const ModelDescription &description, StateDict weights, at::ScalarType type, at::Device device, const KernelLibrary *kernels)
    : Model(description, type, device), kernels_(kernels) {
  auto pack = [&](const std::string &name, at::ScalarType to) { return take_weight(weights, name, to, device); };
  auto linear = [&](const std::string &name, at::ScalarType to) { return ops::Linear{pack(name + ".weight", to), pack(name + ".bias", to)}; };
  auto norm = [&](const std::string &name, at::ScalarType to) {
    return ops::LayerNorm{pack(name + ".weight", to), pack(name + ".bias", to), description_.block_eps};
  };
  const ModelDescription &m = description_;
  patch_ = linear("patch_embed.proj", type);
  patch_.weight = patch_.weight.view({m.embed_dim, m.patch_volume()});
  patch_norm_ = norm("patch_embed.norm", type);
  for (int s = 0; s < m.stages(); ++s) {
    const std::string layer = "layers." + std::to_string(s) + ".";
    Stage stage;
    for (const bool shifted : {false, true}) stage.plan[shifted] = ops::make_window_plan(m.stage_grid(s), m.window, shifted, type, device);
    for (int i = 0; i < m.stage_depths[s]; ++i) {
      const std::string b = layer + "blocks." + std::to_string(i) + ".";
      const at::Tensor table = pack(b + "attn.relative_position_bias_table", type).t().contiguous();
      stage.blocks.push_back({norm(b + "norm1", type),
                              norm(b + "norm2", type),
                              {linear(b + "attn.qkv", type), linear(b + "attn.proj", type), table, m.stage_heads[s]},
                              linear(b + "mlp.fc1", type),
                              linear(b + "mlp.fc2", type)});
    }
    if (s + 1 < m.stages()) {
      stage.merge_norm = norm(layer + "downsample.norm", type);
      stage.merge.weight = pack(layer + "downsample.reduction.weight", type);
    }
    stages_.push_back(std::move(stage));
  }
  norm_ = norm("norm", at::kFloat);
  head_ = linear("cls_head.fc_cls", at::kFloat);
}

// The tokens on which the blocks of a stage work, and the indices by which windows find them.
struct VideoSwin::Pruned {
  at::Tensor keep;                        // int64 [B,K]; undefined: all tokens
  std::array<ops::WindowIndex, 2> index;  // of even and odd blocks
  bool masked = false;                    // some slots of windows belong to dropped tokens
};

VideoSwin::Pruned VideoSwin::prune_at_entry(int s, const at::Tensor &x, const PruneSettings &prune, const ForwardProbe *probe) const {
  const int64_t b = x.size(0), l = x.size(1), c = x.size(2), h = description_.stage_heads[s];
  const Stage &stage = stages_[s];
  const auto whole = at::TensorOptions().dtype(at::kLong).device(x.device());
  const StagePrune here = prune.active() ? stage_prune(description_, s, prune.drop_number) : StagePrune{{0, 0, false}, 0};
  Pruned result;
  at::Tensor row_of, wanted;  // [B,L+1], [B,K]
  if (here.call.index != 0) {
    PruneSettings settings = prune;
    settings.drop_number = here.drop_number;
    const at::Tensor heads = x.view({b, l, h, c / h});  // used in place of keys
    const bool traced = probe && probe->prune;
    if (!traced && kernels_take(kernels_, x, heads, here.call, settings)) {
      result.keep = select_by_kernels(*kernels_, x, heads, here.call, settings.drop_number);
    } else {
      const at::Tensor key_mean = heads.mean(2, false, at::kFloat);  // f32 [B,L,D]
      PruneTrace trace;
      result.keep = select_tokens(x, key_mean, here.call, settings, traced ? &trace : nullptr);
      if (traced) probe->prune(here.call.index, key_mean, trace);
    }
    wanted = result.keep;
    result.masked = !prune.fill_dropped_keys;
  } else {
    wanted = at::arange(l, whole).unsqueeze(0).expand({b, l});
  }
  if (result.masked) {
    const int64_t k = wanted.size(1);
    row_of = at::full({b, l + 1}, b * k + 1, whole);
    row_of.scatter_(1, wanted, at::arange(b * k, whole).view({b, k}));
    row_of.select(1, l).fill_(b * k);
  } else {
    row_of = at::full({b, l + 1}, b * l, whole);
    row_of.slice(1, 0, l).copy_(at::arange(b * l, whole).view({b, l}));
  }
  for (const int odd : {0, 1}) result.index[odd] = ops::index_windows(stage.plan[odd], row_of, wanted);
  return result;
}

// x [B,L,C] -> [B,L,C]
at::Tensor VideoSwin::run_stage(int s, const at::Tensor &x_in, const PruneSettings &prune, const ForwardProbe *probe, ForwardOutput &out) const {
  const Stage &stage = stages_[s];
  const int64_t b = x_in.size(0), l = x_in.size(1), c = x_in.size(2);
  const Pruned pruned = prune_at_entry(s, x_in, prune, probe);
  const bool all = !pruned.keep.defined();
  // x [B,K,C]: the tokens that the blocks change. grid [B,L,C]: all tokens; the dropped ones keep their values.
  at::Tensor x = all ? x_in : ops::gather_tokens(x_in, pruned.keep), grid = x_in;
  auto spread = [&] { return grid.scatter(1, pruned.keep.unsqueeze(2).expand({b, pruned.keep.size(1), c}), x); };
  const std::array<int, 3> g = description_.stage_grid(s);
  for (size_t i = 0; i < stage.blocks.size(); ++i) {
    const Block &block = stage.blocks[i];
    const size_t odd = i % 2;
    // Keys of dropped tokens are computed only if the settings ask for them.
    const at::Tensor keys = !all && !pruned.masked ? spread() : x;
    const at::Tensor attended =
        ops::window_attention(ops::layer_norm(keys, block.norm1).view({-1, c}), block.attention, stage.plan[odd], pruned.index[odd], pruned.masked);
    x = x + attended.view_as(x);
    x += ops::mlp(ops::layer_norm(x, block.norm2), block.fc1, block.fc2);
    if (probe && probe->point)
      probe->point("block." + std::to_string(s) + "." + std::to_string(i), (all ? x : spread()).view({b, g[0], g[1], g[2], c}));
  }
  if (all) return x;
  out.kept.push_back(pruned.keep);
  return spread().view({b, l, c});
}

ForwardOutput VideoSwin::forward(const at::Tensor &clip_in, const PruneSettings &prune, const ForwardProbe *probe) const {
  const ModelDescription &m = description_;
  auto point = [&](const std::string &name, const at::Tensor &x) {
    if (probe && probe->point) probe->point(name, x);
  };
  ForwardOutput out;
  const std::array<int, 3> first = m.stage_grid(0);
  at::Tensor clip = clip_in.to(device_, type_);
  const int64_t more_t = int64_t{first[0]} * m.tubelet - clip.size(2), more_y = int64_t{first[1]} * m.patch - clip.size(3),
                more_x = int64_t{first[2]} * m.patch - clip.size(4);
  if (more_t || more_y || more_x) clip = at::constant_pad_nd(clip, {0, more_x, 0, more_y, 0, more_t});
  at::Tensor x = ops::layer_norm(ops::patch_embed(clip, patch_, m.tubelet, m.patch), patch_norm_);  // [B,L,C]
  const int64_t b = x.size(0);
  point("patch_embed", x.view({b, first[0], first[1], first[2], m.embed_dim}));
  for (int s = 0; s < m.stages(); ++s) {
    const std::array<int, 3> g = m.stage_grid(s);
    x = run_stage(s, x, prune, probe, out).view({b, g[0], g[1], g[2], m.stage_dim(s)});
    point("stage." + std::to_string(s), x);
    if (s + 1 == m.stages()) break;
    x = ops::merge_patches(x, stages_[s].merge_norm, stages_[s].merge);
    point("merge." + std::to_string(s), x);
    x = x.reshape({b, -1, m.stage_dim(s + 1)});
  }
  x = ops::layer_norm(x.to(at::kFloat), norm_);  // [B,D,H,W,C]
  point("norm", x);
  out.features = x.mean(at::IntArrayRef{1, 2, 3});
  out.logits = ops::linear(out.features, head_);
  return out;
}

}  // namespace sta
