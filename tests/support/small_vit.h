// SPDX-License-Identifier: MIT
// A small vision transformer with random weights, for tests that need a network and no numbers of the official one.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <string>

#include "model/vit.h"

namespace small_model {

using sta::ModelDescription;
using sta::StateDict;

inline ModelDescription small_vit(bool mean_pooling) {
  ModelDescription m;
  m.num_frames = 16;
  m.height = m.width = 16;
  m.patch = 4;
  m.embed_dim = 24;
  m.depth = 6;
  m.num_heads = 3;
  m.mlp_dim = 48;
  m.num_classes = 5;
  m.mean_pooling = mean_pooling;
  return m;
}

inline StateDict random_weights(const ModelDescription &m) {
  StateDict w;
  const int64_t c = m.embed_dim;
  const auto linear = [&](const std::string &name, int64_t out, int64_t in) {
    w[name + ".weight"] = at::randn({out, in}) / std::sqrt(static_cast<double>(in));
    w[name + ".bias"] = at::randn({out}) * 0.1;
  };
  const auto norm = [&](const std::string &name) {
    w[name + ".weight"] = 1 + at::randn({c}) * 0.1;
    w[name + ".bias"] = at::randn({c}) * 0.1;
  };
  linear("patch_embed.proj", c, m.patch_volume());
  for (int i = 0; i < m.depth; ++i) {
    const std::string b = "blocks." + std::to_string(i) + ".";
    norm(b + "norm1");
    norm(b + "norm2");
    linear(b + "attn.qkv", 3 * c, c);
    linear(b + "attn.proj", c, c);
    linear(b + "mlp.fc1", m.mlp_dim, c);
    linear(b + "mlp.fc2", c, m.mlp_dim);
  }
  norm(m.mean_pooling ? "fc_norm" : "norm");
  linear("head", m.num_classes, c);
  return w;
}

}  // namespace small_model
