// SPDX-License-Identifier: MIT
// See swin_names.h.
#include "checkpoint/names/swin_names.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <vector>

#include "checkpoint/errors.h"
#include "ops/window_plan.h"

namespace sta {
namespace {

constexpr const char *kTable = ".attn.relative_position_bias_table";
constexpr const char *kIndex = ".attn.relative_position_index";
// Limits memory: a window's attention matrix and its index list grow with the square of its tokens. Published models
// have 392 and 784.
constexpr int64_t kMaxWindowTokens = 4096;
constexpr int kMaxStages = 8;

// In torchvision, features.{2s}.{b}.* are the blocks of stage s, and features.{2s+1}.* is the merging after it.
std::string from_torchvision(const std::string &name) {
  int at = 0, block = 0, used = 0;
  if (std::sscanf(name.c_str(), "features.%d.%n", &at, &used) == 1 && used > 0 && at >= 0 && at < 2 * kMaxStages) {
    const std::string stage = "layers." + std::to_string(at / 2) + ".";
    std::string rest = name.substr(used);
    if (at % 2 == 1) return stage + "downsample." + rest;
    if (std::sscanf(rest.c_str(), "%d.%n", &block, &used) != 1 || used == 0) return name;
    rest = rest.substr(used);
    if (strip_prefix(rest, "mlp.0.")) rest = "mlp.fc1." + rest;
    if (strip_prefix(rest, "mlp.3.")) rest = "mlp.fc2." + rest;
    return stage + "blocks." + std::to_string(block) + "." + rest;
  }
  return name;
}

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream out;
  out << shape;
  std::string text = out.str();
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  return text;
}

std::string window_text(const std::array<int, 3> &w) { return std::to_string(w[0]) + "x" + std::to_string(w[1]) + "x" + std::to_string(w[2]); }

int64_t volume(const std::array<int, 3> &w) { return int64_t{w[0]} * w[1] * w[2]; }

// Windows with Wh = Ww whose bias table has this number of rows and which, if tokens is not 0, have this number of
// tokens.
std::vector<std::array<int, 3>> possible_windows(int64_t rows, int64_t tokens) {
  std::vector<std::array<int, 3>> found;
  for (int side = 1; int64_t{2 * side - 1} * (2 * side - 1) <= rows; ++side) {
    const int64_t plane = int64_t{2 * side - 1} * (2 * side - 1);
    if (rows % plane != 0 || rows / plane % 2 == 0 || rows / plane > 2 * kMaxWindowTokens) continue;
    const std::array<int, 3> w{static_cast<int>((rows / plane + 1) / 2), side, side};
    if (volume(w) > kMaxWindowTokens) continue;
    if (tokens != 0 ? volume(w) == tokens : side > 1) found.push_back(w);
  }
  return found;
}

at::Tensor find(const StateDict &dict, const std::string &name) {
  const auto it = dict.find(name);
  return it == dict.end() ? at::Tensor() : it->second;
}

std::string block_name(int stage, int block) { return "layers." + std::to_string(stage) + ".blocks." + std::to_string(block); }

// Counts the blocks of each stage by their names.
std::vector<int> count_blocks(const StateDict &dict) {
  std::vector<int> depths;
  for (const auto &[name, tensor] : dict) {
    int stage = 0, block = 0;
    if (std::sscanf(name.c_str(), "layers.%d.blocks.%d.", &stage, &block) != 2 || stage < 0 || stage >= kMaxStages || block < 0 || block >= 1000)
      continue;
    if (static_cast<int>(depths.size()) <= stage) depths.resize(stage + 1);
    depths[stage] = std::max(depths[stage], block + 1);
  }
  return depths;
}

// A dim that the configuration gives must agree with the weights. An unknown dim is taken from the weights.
Status agree(int &known, int64_t found, const std::string &what) {
  if (known == 0) known = static_cast<int>(found);
  if (known != found) return bad(what + " is " + std::to_string(known) + " by the configuration but " + std::to_string(found) + " by the weights");
  return ok();
}

Status agree(std::vector<int> &known, const std::vector<int> &found, const std::string &what) {
  if (known.empty()) known = found;
  if (known != found) return bad(what + " of the stages disagree between the configuration and the weights");
  return ok();
}

Status settle_window(const StateDict &dict, ModelDescription &m) {
  const std::string first = block_name(0, 0);
  const at::Tensor table = find(dict, first + kTable), index = find(dict, first + kIndex);
  if (!table.defined()) return bad(first + kTable + " missing");
  if (table.dim() != 2 || table.size(1) < 1) return bad(first + kTable + " has unexpected shape " + shape_text(table.sizes()));
  if (m.window[0] == 0) {
    int64_t tokens = 0;
    if (index.defined()) {
      if (index.dim() != 2 || index.size(0) != index.size(1) || index.size(0) < 1)
        return bad(first + kIndex + " has unexpected shape " + shape_text(index.sizes()) + ", should be [N,N]");
      tokens = index.size(0);
    }
    const auto windows = possible_windows(table.size(0), tokens);
    if (windows.size() != 1)
      return bad("the window cannot be read from " + first + kTable + ", which has " + std::to_string(table.size(0)) +
                 " rows: give window_size in the metadata of a .safetensors file or in a config.json");
    m.window = windows[0];
  }
  if (volume(m.window) > kMaxWindowTokens) return unsupported("a window of " + window_text(m.window) + " tokens is beyond what this library handles");
  return ok();
}

// The window determines the contents of the index buffers. Other contents would mean that the table is arranged in
// another way.
Status drop_indices(StateDict &dict, const ModelDescription &m) {
  at::Tensor expected;
  for (auto it = dict.begin(); it != dict.end();) {
    if (!it->first.ends_with(kIndex)) {
      ++it;
      continue;
    }
    const int64_t n = volume(m.window);
    const at::Tensor &index = it->second;
    if (index.sizes() != at::IntArrayRef({n, n}) || at::isFloatingType(index.scalar_type()))
      return bad(it->first + " has unexpected shape " + shape_text(index.sizes()) + " for a window of " + window_text(m.window));
    if (!expected.defined()) expected = ops::relative_position_rows(m.window, n).view({n, n});
    if (!at::equal(index.to(at::kLong), expected))
      return unsupported(it->first + " is not that of a window of " + window_text(m.window) + ": this variant is not supported");
    it = dict.erase(it);
  }
  return ok();
}

using Shapes = std::map<std::string, std::vector<int64_t>>;

Shapes expected_shapes(const ModelDescription &m) {
  const int64_t c0 = m.embed_dim, rows = ops::bias_rows(m.window), last = m.stage_dim(m.stages() - 1);
  Shapes all;
  auto pair = [&](const std::string &name, std::vector<int64_t> weight) {
    all[name + ".bias"] = {weight[0]};
    all[name + ".weight"] = std::move(weight);
  };
  pair("patch_embed.proj", {c0, 3, m.tubelet, m.patch, m.patch});
  pair("patch_embed.norm", {c0});
  for (int s = 0; s < m.stages(); ++s) {
    const int64_t c = m.stage_dim(s), f = int64_t{m.mlp_dim} << s;
    for (int i = 0; i < m.stage_depths[s]; ++i) {
      const std::string b = block_name(s, i) + ".";
      pair(b + "norm1", {c});
      pair(b + "norm2", {c});
      pair(b + "attn.qkv", {3 * c, c});
      pair(b + "attn.proj", {c, c});
      pair(b + "mlp.fc1", {f, c});
      pair(b + "mlp.fc2", {c, f});
      all[block_name(s, i) + kTable] = {rows, m.stage_heads[s]};
    }
    const std::string merge = "layers." + std::to_string(s) + ".downsample.";
    if (s + 1 == m.stages()) continue;
    pair(merge + "norm", {4 * c});
    all[merge + "reduction.weight"] = {2 * c, 4 * c};
  }
  pair("norm", {last});
  pair("cls_head.fc_cls", {m.num_classes, last});
  return all;
}

// "8,7,7" or, in a Python configuration, "(8, 7, 7)".
bool read_window(const std::string &text, std::array<int, 3> &window) {
  std::string plain;
  for (const char c : text)
    if (c != ' ' && c != '(' && c != ')' && c != '[' && c != ']') plain += c;
  int used = 0;
  std::array<int, 3> w{};
  if (std::sscanf(plain.c_str(), "%d,%d,%d%n", &w[0], &w[1], &w[2], &used) != 3 || used != static_cast<int>(plain.size())) return false;
  for (const int size : w)
    if (size < 1 || size > 1024) return false;
  window = w;
  return true;
}

}  // namespace

bool is_swin(const StateDict &file) {
  return std::any_of(file.begin(), file.end(), [](const auto &entry) {
    const std::string &name = entry.first;
    return name.find("layers.0.blocks.") != std::string::npos || name.find("features.0.") != std::string::npos ||
           (name.ends_with(kTable) && !name.starts_with("blocks."));  // a plain ViT with such a table is another network
  });
}

Result<SwinNames> swin_canonical_names(const StateDict &file) {
  SwinNames result;
  for (const auto &[original, tensor] : file) {
    std::string name = original;
    if (name.rfind("data_preprocessor.", 0) == 0) continue;  // mmaction2's mean and deviation: not weights
    for (bool more = true; more;) {
      more = false;
      for (const char *prefix : {"_orig_mod.", "module.", "model.", "backbone."}) more = strip_prefix(name, prefix) || more;
    }
    if (name.rfind("features.", 0) == 0) {
      result.torchvision = true;
      name = from_torchvision(name);
    } else if (name.rfind("head.", 0) == 0) {
      name = "cls_head.fc_cls." + name.substr(5);
    }
    if (!result.weights.emplace(name, tensor).second) return bad("two tensors mean " + name);
  }
  // mmaction2 1.x numbers the norms of the stages that have an output. A classifier uses the last one.
  const std::string last = "norm" + std::to_string(count_blocks(result.weights).size() - 1) + ".";
  for (const char *part : {"weight", "bias"})
    if (auto node = result.weights.extract(last + part)) {
      node.key() = std::string("norm.") + part;
      if (!result.weights.insert(std::move(node)).inserted) return bad(std::string("two tensors mean norm.") + part);
    }
  return result;
}

Status read_swin_metadata(const std::map<std::string, std::string> &metadata, ModelDescription &m) {
  auto text = [&](const char *key) {
    const auto it = metadata.find(key);
    return it == metadata.end() ? std::string() : it->second;
  };
  auto number = [&](const char *key, int &value) {
    if (const int v = std::atoi(text(key).c_str()); v > 0) value = v;
  };
  number("image_size", m.height);
  number("num_frames", m.num_frames);
  m.width = m.height;
  if (const std::string window = text("window_size"); !window.empty() && !read_window(window, m.window))
    return bad("window_size \"" + window.substr(0, 40) + "\" should be three sizes, such as 8,7,7");
  if (const std::string eps = text("layer_norm_eps"); !eps.empty()) {
    m.block_eps = m.fc_norm_eps = std::atof(eps.c_str());
    if (!(m.block_eps > 0 && m.block_eps < 1)) return bad("layer_norm_eps \"" + eps.substr(0, 40) + "\" should be a small positive number");
  }
  return ok();
}

Status check_swin_state_dict(StateDict &dict, ModelDescription &m) {
  const std::string first = block_name(0, 0);
  const at::Tensor patch = find(dict, "patch_embed.proj.weight"), head = find(dict, "cls_head.fc_cls.weight"),
                   fc1 = find(dict, first + ".mlp.fc1.weight");
  if (!patch.defined()) return bad("patch_embed.proj.weight missing: not a Video Swin model");
  if (patch.dim() == 4) return unsupported("patch_embed.proj.weight has two dimensions of space and none of time: a Swin Transformer of images");
  if (patch.dim() != 5 || patch.size(1) != 3 || patch.size(3) != patch.size(4) || patch.numel() == 0)
    return bad("patch_embed.proj.weight has unexpected shape " + shape_text(patch.sizes()) + ", should be [C,3,tubelet,patch,patch]");
  if (!head.defined()) return bad("cls_head.fc_cls.weight (head.weight) missing: not a classifier");
  if (!fc1.defined()) return bad(first + ".mlp.fc1.weight missing: not a Video Swin model");
  if (head.dim() != 2 || fc1.dim() != 2 || head.size(0) < 1 || fc1.size(0) < 1 || patch.size(0) > 65536 || fc1.size(0) > 1'000'000)
    return bad("cls_head.fc_cls.weight or " + first + ".mlp.fc1.weight has an unexpected shape");
  const std::vector<int> depths = count_blocks(dict);
  std::vector<int> heads;
  for (size_t s = 0; s < depths.size(); ++s) {
    const std::string name = block_name(static_cast<int>(s), 0) + kTable;
    const at::Tensor table = find(dict, name);
    if (!table.defined() || table.dim() != 2) return bad(name + " missing or not a matrix");
    const int64_t width = patch.size(0) << s;
    if (table.size(1) < 1 || width % table.size(1) != 0)
      return bad(name + ": " + std::to_string(table.size(1)) + " attention heads do not divide the width " + std::to_string(width) + " of the stage");
    heads.push_back(static_cast<int>(table.size(1)));
  }
  for (auto &status : {agree(m.embed_dim, patch.size(0), "embedding width"), agree(m.tubelet, patch.size(2), "patch size in time"),
                       agree(m.patch, patch.size(3), "patch size"), agree(m.mlp_dim, fc1.size(0), "MLP width of the first stage"),
                       agree(m.num_classes, head.size(0), "number of classes"), agree(m.stage_depths, depths, "numbers of blocks"),
                       agree(m.stage_heads, heads, "numbers of heads"), settle_window(dict, m)})
    if (!status) return status.error();
  m.num_heads = heads[0];
  m.depth = 0;
  for (const int d : depths) m.depth += d;
  if (auto s = drop_indices(dict, m); !s) return s;
  const Shapes expected = expected_shapes(m);
  for (const auto &[name, shape] : expected) {
    const at::Tensor tensor = find(dict, name);
    if (!tensor.defined()) return bad(name + " missing");
    if (tensor.sizes() != at::IntArrayRef(shape))
      return bad(name + " has unexpected shape " + shape_text(tensor.sizes()) + ", should be " + shape_text(shape) +
                 (name.ends_with(kTable) ? " for a window of " + window_text(m.window) : ""));
    if (!at::isFloatingType(tensor.scalar_type())) return bad(name + " is not of a floating type");
    if (!at::isfinite(tensor).all().item<bool>()) return bad(name + " holds a non-finite weight (NaN or infinity)");
  }
  for (const auto &[name, tensor] : dict)
    if (!expected.count(name)) return unsupported("tensor " + name + " is not part of a Video Swin classifier: this variant is not supported");
  return ok();
}

}  // namespace sta
