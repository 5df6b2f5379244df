// SPDX-License-Identifier: MIT
// See golden_swin.h.
#include "support/golden_swin.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "ops/window_plan.h"

namespace golden {

sta::ModelDescription describe_swin(const std::string &config, const std::array<int, 3> &clip) {
  sta::ModelDescription m;
  sta::describe_swin_defaults(m);
  m.name = config;
  m.num_frames = clip[0];
  m.height = clip[1];
  m.width = clip[2];
  auto set = [&](int dim, std::vector<int> depths, int heads, std::array<int, 3> window, int classes) {
    m.embed_dim = dim;
    m.mlp_dim = 4 * dim;
    for (const int d : depths) m.depth += d;
    m.stage_depths = std::move(depths);
    m.num_heads = heads;
    m.stage_heads = {heads, 2 * heads, 4 * heads, 8 * heads};
    m.window = window;
    m.num_classes = classes;
  };
  if (config == "nano")
    set(8, {2, 1, 3, 2}, 1, {4, 3, 3}, 5);
  else if (config == "micro_w8")
    set(24, {2, 2, 2, 2}, 1, {8, 7, 7}, 10);
  else if (config == "micro_w16")
    set(24, {2, 2, 2, 2}, 1, {16, 7, 7}, 10);
  else if (config == "swin_t")
    set(96, {2, 2, 6, 2}, 3, {8, 7, 7}, 400);
  else if (config == "swin_s")
    set(96, {2, 2, 18, 2}, 3, {8, 7, 7}, 400);
  else if (config == "swin_b")
    set(128, {2, 2, 18, 2}, 4, {8, 7, 7}, 400);
  else if (config == "swin_b_w16")
    set(128, {2, 2, 18, 2}, 4, {16, 7, 7}, 174);
  else
    throw std::runtime_error("no golden model " + config);
  return m;
}

at::Tensor swin_weight(const std::string &name, at::IntArrayRef shape, uint64_t seed) {
  for (const char *norm : {"norm.weight", "norm1.weight", "norm2.weight"})
    if (name.ends_with(norm)) return tensor(name, shape, seed, 0.2, 1.0f);
  if (name.ends_with(".bias")) return tensor(name, shape, seed, 0.1);
  if (name.ends_with("relative_position_bias_table")) return tensor(name, shape, seed, 0.5);
  int64_t in = 1;
  for (size_t i = 1; i < shape.size(); ++i) in *= shape[i];
  return tensor(name, shape, seed, (std::sqrt(3.0) * 1.5) / std::sqrt(static_cast<double>(in)));
}

sta::StateDict swin_weights(const sta::ModelDescription &m, uint64_t seed) {
  sta::StateDict w;
  auto make = [&](const std::string &name, at::IntArrayRef shape) { w[name] = swin_weight(name, shape, seed); };
  auto pair = [&](const std::string &name, at::IntArrayRef shape) {
    make(name + ".weight", shape);
    make(name + ".bias", {shape[0]});
  };
  pair("patch_embed.proj", {m.embed_dim, 3, m.tubelet, m.patch, m.patch});
  pair("patch_embed.norm", {m.embed_dim});
  for (int s = 0; s < m.stages(); ++s) {
    const std::string layer = "layers." + std::to_string(s) + ".";
    const int64_t c = m.stage_dim(s);
    for (int i = 0; i < m.stage_depths[s]; ++i) {
      const std::string b = layer + "blocks." + std::to_string(i) + ".";
      pair(b + "norm1", {c});
      pair(b + "norm2", {c});
      pair(b + "attn.qkv", {3 * c, c});
      pair(b + "attn.proj", {c, c});
      make(b + "attn.relative_position_bias_table", {sta::ops::bias_rows(m.window), m.stage_heads[s]});
      pair(b + "mlp.fc1", {4 * c, c});
      pair(b + "mlp.fc2", {c, 4 * c});
    }
    if (s + 1 == m.stages()) continue;
    pair(layer + "downsample.norm", {4 * c});
    make(layer + "downsample.reduction.weight", {2 * c, 4 * c});
  }
  const int64_t last = m.stage_dim(m.stages() - 1);
  pair("norm", {last});
  pair("cls_head.fc_cls", {m.num_classes, last});
  return w;
}

at::Tensor swin_clip(const std::string &kind, const std::array<int, 3> &s, uint64_t seed) {
  if (kind == "zeros") return at::zeros({3, s[0], s[1], s[2]});
  const at::Tensor noise = tensor("clip", {3, s[0], s[1], s[2]}, seed, 2.0);
  if (kind == "noise") return noise;
  at::Tensor blocks = tensor("clip.blocks", {3, (s[0] + 3) / 4, (s[1] + 15) / 16, (s[2] + 15) / 16}, seed, 2.0);
  for (const auto &[dim, size] : {std::pair{1, 4}, {2, 16}, {3, 16}}) blocks = blocks.repeat_interleave(size, dim).slice(dim, 0, s[dim - 1]);
  return blocks + 0.25f * noise;
}

std::array<int, 3> three(const std::string &text) {
  std::array<int, 3> v{};
  if (std::sscanf(text.c_str(), "%d,%d,%d", &v[0], &v[1], &v[2]) != 3) throw std::runtime_error("not three numbers: " + text);
  return v;
}

}  // namespace golden
