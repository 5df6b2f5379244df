// SPDX-License-Identifier: MIT
// See vit_names.h.
#include "checkpoint/names/vit_names.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "checkpoint/errors.h"
#include "ops/ops.h"

namespace sta {
namespace {

// A buffer that only mmaction2 writes.
constexpr const char *kPositionTable = "pos_embed";

// Names of Hugging Face's VideoMAEForVideoClassification -> original names. The separate q, k, v get names under "hf."
// and are joined later.
std::string from_hugging_face(std::string name) {
  if (name.rfind("classifier.", 0) == 0) return "head." + name.substr(11);
  if (!strip_prefix(name, "videomae.")) return name;
  if (strip_prefix(name, "embeddings.patch_embeddings.projection.")) return "patch_embed.proj." + name;
  if (strip_prefix(name, "layernorm.")) return "norm." + name;
  if (!strip_prefix(name, "encoder.layer.")) return "videomae." + name;
  const size_t dot = name.find('.');
  const std::string block = "blocks." + name.substr(0, dot) + ".";
  std::string part = dot == std::string::npos ? "" : name.substr(dot + 1);
  static const std::array<std::pair<const char *, const char *>, 7> parts = {{{"layernorm_before.", "norm1."},
                                                                              {"layernorm_after.", "norm2."},
                                                                              {"attention.attention.", "attn.hf_"},
                                                                              {"attention.output.dense.", "attn.proj."},
                                                                              {"intermediate.dense.", "mlp.fc1."},
                                                                              {"output.dense.", "mlp.fc2."},
                                                                              {"attn.", "attn."}}};
  for (const auto &[from, to] : parts)
    if (strip_prefix(part, from)) return block + to + part;
  return block + part;
}

// Names of mmaction2 -> original names. The projection has another name there, the FFN is a list of layers, and the
// head is a module of its own.
std::string from_mmaction(std::string name) {
  for (const auto &[from, to] : {std::pair<std::string, std::string>{"patch_embed.projection.", "patch_embed.proj."},
                                 {".mlp.layers.0.0.", ".mlp.fc1."},
                                 {".mlp.layers.1.", ".mlp.fc2."},
                                 {"cls_head.fc_cls.", "head."}})
    if (const size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
  return name;
}

at::Tensor take(StateDict &dict, const std::string &name) {
  const auto it = dict.find(name);
  if (it == dict.end()) return {};
  at::Tensor tensor = it->second;
  dict.erase(it);
  return tensor;
}

bool one_by_n(const at::Tensor &t, int64_t n) { return t.dim() == 1 && t.size(0) == n; }

// Joins the q, k, v tensors of one block, in any layout, into attn.qkv.{weight,bias}.
Status join_qkv(StateDict &dict, const std::string &block, bool biased) {
  const std::string a = block + "attn.";
  at::Tensor q = take(dict, a + "hf_query.weight"), k = take(dict, a + "hf_key.weight"), v = take(dict, a + "hf_value.weight");
  if (q.defined() || k.defined() || v.defined()) {
    for (const auto &[tensor, name] : {std::pair{q, "query"}, {k, "key"}, {v, "value"}}) {
      if (!tensor.defined()) return bad(a + name + ".weight missing");
      if (tensor.dim() != 2 || tensor.sizes() != q.sizes() || tensor.scalar_type() != q.scalar_type())
        return bad(a + name + ".weight has an unexpected shape or type");
    }
    dict[a + "qkv.weight"] = at::cat({q, k, v});
  }
  const auto weight = dict.find(a + "qkv.weight");
  if (weight == dict.end()) return ok();  // check_state_dict reports it as missing
  if (weight->second.dim() != 2 || weight->second.size(0) % 3 != 0) return bad(a + "qkv.weight has an unexpected shape");
  const int64_t c = weight->second.size(0) / 3;
  if (dict.count(a + "qkv.bias")) return biased ? ok() : bad(a + "qkv.bias is there, although the configuration says qkv_bias false");
  at::Tensor qb = take(dict, a + "q_bias"), vb = take(dict, a + "v_bias"), kb;
  if (!qb.defined() && !vb.defined()) {  // Hugging Face, published files
    qb = take(dict, a + "hf_q_bias");
    vb = take(dict, a + "hf_v_bias");
  }
  if (!qb.defined() && !vb.defined()) {  // Hugging Face, version 5 names; the key's bias may have been trained there
    qb = take(dict, a + "hf_query.bias");
    vb = take(dict, a + "hf_value.bias");
    kb = take(dict, a + "hf_key.bias");
  }
  if (!biased) {
    if (qb.defined() || kb.defined() || vb.defined()) return bad(a + "has a bias, although the configuration says qkv_bias false");
    dict[a + "qkv.bias"] = at::zeros({3 * c}, weight->second.options());
    return ok();
  }
  if (!qb.defined()) return bad(a + "q_bias missing (nor query.bias): a bias is never assumed to be zero");
  if (!vb.defined()) return bad(a + "v_bias missing (nor value.bias): a bias is never assumed to be zero");
  if (!kb.defined()) kb = at::zeros_like(qb);
  if (!one_by_n(qb, c) || !one_by_n(vb, c) || !one_by_n(kb, c)) return bad(a + "q_bias, v_bias: unexpected shape");
  dict[a + "qkv.bias"] = at::cat({qb.to(at::kFloat), kb.to(at::kFloat), vb.to(at::kFloat)});
  return ok();
}

int block_count(const StateDict &dict) {
  int depth = 0;
  for (const auto &[name, tensor] : dict) {
    int i = 0;
    if (std::sscanf(name.c_str(), "blocks.%d.", &i) == 1 && i >= 0 && i < 1000) depth = std::max(depth, i + 1);
  }
  return depth;
}

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream out;
  out << '[';
  for (size_t i = 0; i < shape.size(); ++i) out << (i ? "," : "") << shape[i];
  out << ']';
  return out.str();
}

// A dim that the configuration gives must agree with the weights. An unknown dim is taken from the weights.
Status agree(int &known, int64_t found, const char *what) {
  if (known == 0) known = static_cast<int>(found);
  if (known != found)
    return bad(std::string(what) + " is " + std::to_string(known) + " by the configuration but " + std::to_string(found) + " by the weights");
  return ok();
}

}  // namespace

bool strip_prefix(std::string &name, const std::string &prefix) {
  if (name.rfind(prefix, 0) != 0) return false;
  name.erase(0, prefix.size());
  return true;
}

Result<StateDict> canonical_names(const StateDict &file, bool qkv_bias) {
  StateDict dict;
  bool pretraining = false;
  for (const auto &[original, tensor] : file) {
    std::string name = original;
    if (name == "mask_token" || name.rfind("decoder.", 0) == 0 || name.rfind("encoder_to_decoder.", 0) == 0) pretraining = true;
    if (name.rfind("data_preprocessor.", 0) == 0) continue;  // mmaction2's mean and deviation: not weights
    // Removes the wrappers of training frameworks, in any order and number.
    for (bool more = true; more;) {
      more = false;
      for (const char *prefix : {"_orig_mod.", "module.", "model.", "backbone.", "encoder."}) more = strip_prefix(name, prefix) || more;
    }
    name = from_mmaction(from_hugging_face(name));
    if (!dict.emplace(name, tensor).second) return bad("two tensors mean " + name);
  }
  if (pretraining) return unsupported("pre-training checkpoint, has no classification head: a fine-tuned one is needed");
  for (const auto &[name, tensor] : dict) {
    if (name.ends_with(".attn.scale")) return unsupported(name + ": cosine attention, this variant is not supported");
    if (name.ends_with(".gamma_1") || name.ends_with(".gamma_2")) return unsupported(name + ": LayerScale, this variant is not supported");
  }
  const int depth = block_count(dict);
  if (depth == 0) return bad("no transformer blocks found: not a VideoMAE model");
  for (int i = 0; i < depth; ++i)
    if (auto joined = join_qkv(dict, "blocks." + std::to_string(i) + ".", qkv_bias); !joined) return std::move(joined).error();
  return dict;
}

void settle_pooling(StateDict &dict, ModelDescription &m, bool known) {
  const bool mean = dict.count("fc_norm.weight") != 0, token = dict.count("norm.weight") != 0;
  if (!known) m.mean_pooling = mean || !token;
  if (!m.mean_pooling || !mean || !token) return;
  for (const char *name : {"norm.weight", "norm.bias"}) dict.erase(name);
  m.warnings += "norm.weight and norm.bias are in the file, but a classifier with fc_norm does not use them; they are left out\n";
}

Status check_state_dict(const StateDict &dict, ModelDescription &m) {
  auto find = [&](const std::string &name) -> at::Tensor {
    const auto it = dict.find(name);
    return it == dict.end() ? at::Tensor() : it->second;
  };
  const at::Tensor patch = find("patch_embed.proj.weight"), head = find("head.weight"), fc1 = find("blocks.0.mlp.fc1.weight");
  if (!patch.defined()) return bad("patch_embed.proj.weight missing: not a VideoMAE model");
  if (!head.defined()) return bad("head.weight missing: not a classifier");
  if (!fc1.defined()) return bad("blocks.0.mlp.fc1.weight missing");
  if (patch.dim() != 5 || patch.size(1) != 3 || patch.size(3) != patch.size(4))
    return bad("patch_embed.proj.weight has unexpected shape " + shape_text(patch.sizes()) + ", should be [C,3,tubelet,patch,patch]");
  if (head.dim() != 2 || fc1.dim() != 2) return bad("head.weight or blocks.0.mlp.fc1.weight has an unexpected shape");
  for (auto &status : {agree(m.embed_dim, patch.size(0), "embedding width"), agree(m.tubelet, patch.size(2), "tubelet size"),
                       agree(m.patch, patch.size(3), "patch size"), agree(m.depth, block_count(dict), "number of blocks"),
                       agree(m.mlp_dim, fc1.size(0), "MLP width"), agree(m.num_classes, head.size(0), "number of classes")})
    if (!status) return status.error();

  const int64_t c = m.embed_dim, f = m.mlp_dim, n = m.num_classes;
  if (c < 1 || f < 1 || n < 1 || m.tubelet < 1 || m.patch < 1) return bad("a dimension of the model is zero");
  const std::string last = m.mean_pooling ? "fc_norm" : "norm";
  std::map<std::string, std::vector<int64_t>> expected = {{"patch_embed.proj.weight", {c, 3, m.tubelet, m.patch, m.patch}},
                                                          {"patch_embed.proj.bias", {c}},
                                                          {last + ".weight", {c}},
                                                          {last + ".bias", {c}},
                                                          {"head.weight", {n, c}},
                                                          {"head.bias", {n}}};
  for (int i = 0; i < m.depth; ++i) {
    const std::string b = "blocks." + std::to_string(i) + ".";
    const std::map<std::string, std::vector<int64_t>> block = {
        {"norm1.weight", {c}},        {"norm1.bias", {c}},     {"attn.qkv.weight", {3 * c, c}}, {"attn.qkv.bias", {3 * c}},
        {"attn.proj.weight", {c, c}}, {"attn.proj.bias", {c}}, {"norm2.weight", {c}},           {"norm2.bias", {c}},
        {"mlp.fc1.weight", {f, c}},   {"mlp.fc1.bias", {f}},   {"mlp.fc2.weight", {c, f}},      {"mlp.fc2.bias", {c}}};
    for (const auto &[name, shape] : block) expected[b + name] = shape;
  }
  for (const auto &[name, shape] : expected) {
    const at::Tensor tensor = find(name);
    if (!tensor.defined()) return bad(name + " missing");
    if (tensor.sizes() != at::IntArrayRef(shape))
      return bad(name + " has unexpected shape " + shape_text(tensor.sizes()) + ", should be " + shape_text(shape));
    if (!at::isFloatingType(tensor.scalar_type())) return bad(name + " is not of a floating type");
    if (!at::isfinite(tensor).all().item<bool>()) return bad(name + " holds a non-finite weight (NaN or infinity)");
  }
  for (const auto &[name, tensor] : dict)
    if (!expected.count(name) && name != kPositionTable)
      return unsupported("tensor " + name + " is not part of a VideoMAE classifier: this variant is not supported");
  return ok();
}

int position_table_tokens(const StateDict &dict) {
  const auto it = dict.find(kPositionTable);
  if (it == dict.end() || it->second.dim() < 2) return 0;
  const int64_t tokens = it->second.size(-2);
  return tokens <= 1'000'000 ? static_cast<int>(tokens) : 0;
}

Status drop_position_table(StateDict &dict, const ModelDescription &m) {
  const at::Tensor stored = take(dict, kPositionTable);
  if (!stored.defined()) return ok();
  if (stored.numel() != static_cast<int64_t>(m.tokens()) * m.embed_dim || stored.size(-1) != m.embed_dim)
    return bad(std::string(kPositionTable) + " has unexpected shape " + shape_text(stored.sizes()) + ", should be [1," + std::to_string(m.tokens()) +
               "," + std::to_string(m.embed_dim) + "]");
  const double tolerance = c10::elementSize(stored.scalar_type()) >= 4 ? 1e-4 : 1e-2;
  const at::Tensor table = ops::position_table(m.tokens(), m.embed_dim);
  if (!((stored.to(at::kFloat).reshape(table.sizes()) - table).abs().max().item<double>() <= tolerance))
    return unsupported(std::string(kPositionTable) + " is not the sine-cosine table: learned positions, this variant is not supported");
  return ok();
}

}  // namespace sta
