// SPDX-License-Identifier: MIT
// See golden.h.
#include "support/golden.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <stdexcept>

namespace golden {
namespace {

constexpr uint64_t kGamma = 0x9E3779B97F4A7C15u;

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

bool ends_with(const std::string &s, const char *end) { return s.ends_with(end); }

at::Tensor scene(int64_t s, uint64_t seed) {
  const int64_t q = s / 8;
  const at::Tensor background = tensor("scene.background", {3, q, q}, seed, 1.0);
  const at::Tensor object = tensor("scene.object", {3, 16, s, s}, seed, 1.0);
  at::Tensor clip =
      background.repeat_interleave(8, 1).repeat_interleave(8, 2).unsqueeze(1) + 0.125f * tensor("scene.noise", {3, 16, s, s}, seed, 1.0);
  for (int64_t t = 0; t < 16; ++t) {
    const int64_t oy = s / 8 + (t * s) / 64, ox = s / 16 + (t * s) / 32;
    auto square = [&](const at::Tensor &x) { return x.select(1, t).slice(1, oy, oy + s / 4).slice(2, ox, ox + s / 4); };
    square(clip).copy_(4.0f * square(object));
  }
  return clip;
}

sta::TensorFile read_file(const std::string &path) {
  auto file = sta::read_safetensors(path);
  if (!file) throw std::runtime_error(file.error().message);
  return *file;
}

}  // namespace

std::string path(const std::string &relative) { return std::string(STA_GOLDEN_DIR) + "/" + relative; }

std::string made(const std::string &relative) { return std::string(STA_GOLDEN_MADE_DIR) + "/" + relative; }

uint64_t fnv1a64(const std::string &name) {
  uint64_t h = 0xCBF29CE484222325u;
  for (unsigned char c : name) h = (h ^ c) * 0x100000001B3u;
  return h;
}

uint64_t seed_of(const std::string &name, uint64_t global_seed) { return fnv1a64(name) ^ (global_seed * kGamma); }

uint64_t word(uint64_t seed, uint64_t i) { return mix(seed + i * kGamma); }

double uniform(uint64_t seed, uint64_t i) { return static_cast<double>(word(seed, i) >> 40) / 16777216.0; }

at::Tensor tensor(const std::string &name, at::IntArrayRef shape, uint64_t global_seed, double scale, float offset) {
  at::Tensor out = at::empty(shape, at::kFloat);
  float *data = out.data_ptr<float>();
  const uint64_t seed = seed_of(name, global_seed);
  const int64_t n = out.numel();
  for (int64_t i = 0; i < n; ++i) data[i] = static_cast<float>((2.0 * uniform(seed, static_cast<uint64_t>(i)) - 1.0) * scale) + offset;
  return out;
}

at::Tensor weight(const std::string &name, at::IntArrayRef shape, uint64_t seed) {
  if (ends_with(name, "norm1.weight") || ends_with(name, "norm2.weight") || name == "fc_norm.weight") return tensor(name, shape, seed, 0.2, 1.0f);
  if (ends_with(name, "bias")) return tensor(name, shape, seed, 0.1);
  int64_t in = 1;
  for (size_t i = 1; i < shape.size(); ++i) in *= shape[i];
  return tensor(name, shape, seed, std::sqrt(3.0) * 1.5 / std::sqrt(static_cast<double>(in)));
}

at::Tensor clip(const std::string &kind, int64_t size, uint64_t seed) {
  if (kind == "scene") return scene(size, seed);
  return tensor("clip", {3, 16, size, size}, seed, 2.0);
}

sta::ModelDescription describe(const std::string &config) {
  sta::ModelDescription m;
  m.name = config;
  auto set = [&](int dim, int depth, int heads, int classes, int image) {
    m.embed_dim = dim;
    m.depth = depth;
    m.num_heads = heads;
    m.mlp_dim = 4 * dim;
    m.num_classes = classes;
    m.height = m.width = m.short_side = image;
  };
  if (config == "tiny")
    set(16, 3, 2, 4, 64);
  else if (config == "micro")
    set(96, 6, 3, 10, 64);
  else if (config == "vits")
    set(384, 12, 6, 400, 224);
  else if (config == "vitb")
    set(768, 12, 12, 400, 224);
  else if (config == "vitl")
    set(1024, 24, 16, 400, 224);
  else if (config == "vith")
    set(1280, 32, 16, 400, 224);
  else
    throw std::runtime_error("no golden model " + config);
  return m;
}

sta::StateDict weights(const sta::ModelDescription &m, uint64_t seed) {
  sta::StateDict w;
  const int64_t c = m.embed_dim, f = m.mlp_dim, n = m.num_classes;
  auto make = [&](const std::string &name, at::IntArrayRef shape) { w[name] = weight(name, shape, seed); };
  make("patch_embed.proj.weight", {c, 3, m.tubelet, m.patch, m.patch});
  make("patch_embed.proj.bias", {c});
  for (int i = 0; i < m.depth; ++i) {
    const std::string b = "blocks." + std::to_string(i) + ".";
    for (const char *norm : {"norm1", "norm2"}) {
      make(b + norm + ".weight", {c});
      make(b + norm + ".bias", {c});
    }
    make(b + "attn.qkv.weight", {3 * c, c});
    make(b + "attn.q_bias", {c});
    make(b + "attn.v_bias", {c});
    make(b + "attn.proj.weight", {c, c});
    make(b + "attn.proj.bias", {c});
    make(b + "mlp.fc1.weight", {f, c});
    make(b + "mlp.fc1.bias", {f});
    make(b + "mlp.fc2.weight", {c, f});
    make(b + "mlp.fc2.bias", {c});
  }
  make("fc_norm.weight", {c});
  make("fc_norm.bias", {c});
  make("head.weight", {n, c});
  make("head.bias", {n});
  auto canonical = sta::canonical_names(w);
  if (!canonical) throw std::runtime_error(canonical.error().message);
  return *canonical;
}

sta::TensorFile read(const std::string &relative) { return read_file(path(relative)); }

sta::TensorFile read_made(const std::string &relative) { return read_file(made(relative)); }

PruneInput prune_input(int64_t t, int64_t n, int64_t c, int64_t d, uint64_t seed) {
  const int64_t l = t * n;
  const at::Tensor center = tensor("unit.center", {8, d}, seed, 1.0), noise = tensor("unit.noise", {l, d}, seed, 1.0);
  at::Tensor x = tensor("unit.x", {l, c}, seed, 1.0), key = at::empty({l, d});
  const uint64_t cluster_seed = seed_of("unit.cluster", seed), gain_seed = seed_of("unit.gain", seed);
  for (int64_t i = 0; i < l; ++i) {
    const double u = uniform(cluster_seed, static_cast<uint64_t>(i));
    const int64_t kind = (i / n) % 3;
    const double w = kind == 0 ? u : kind == 1 ? u * u : (u * u) * u;
    key[i] = center[static_cast<int64_t>(8 * w)] + 0.25f * noise[i];
    if (uniform(gain_seed, static_cast<uint64_t>(i)) >= 0.96) x[i] *= 4.0f;
  }
  return {x.unsqueeze(0), key.unsqueeze(0)};
}

std::vector<std::string> prune_files() {
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(path("prune"))) names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace golden
