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
#include "checkpoint/names/hugging_face_names.h"
#include "ops/ops.h"

namespace sta {
namespace {

// Its released files keep the encoder and the probe that classifies apart, and name neither heads nor frames.
constexpr const char *kOriginalVjepa2 =
    "a part of an original V-JEPA 2 checkpoint, not a whole classifier: take the folder of the fine-tuned model from Hugging Face "
    "(facebook/vjepa2-vitl-fpc16-256-ssv2 and others)";

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

// pattern: for std::sscanf, with the number of a block.
int block_count(const StateDict &dict, const char *pattern = "blocks.%d.") {
  int depth = 0;
  for (const auto &[name, tensor] : dict) {
    int i = 0;
    if (std::sscanf(name.c_str(), pattern, &i) == 1 && i >= 0 && i < 1000) depth = std::max(depth, i + 1);
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
    if (name.find("relative_position") != std::string::npos || name.find(".rel_pos_") != std::string::npos)
      return unsupported(name + ": attention in windows or with relative positions, this variant is not supported");
    if (name.starts_with("roi_head.") || name.starts_with("bbox_head."))
      return unsupported(name + ": a head that labels persons in boxes (AVA); a classifier of whole clips is needed");
    if (name.starts_with("predictor_blocks.") || name.starts_with("predictor_embed.") ||
        name.find("pooler.cross_attention_block.") != std::string::npos)
      return unsupported(std::string(kOriginalVjepa2));
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

namespace {

using Shapes = std::map<std::string, std::vector<int64_t>>;

void add_norm(Shapes &shapes, const std::string &name, int64_t c) { shapes[name + ".weight"] = shapes[name + ".bias"] = {c}; }

void add_linear(Shapes &shapes, const std::string &name, int64_t out, int64_t in) {
  shapes[name + ".weight"] = {out, in};
  shapes[name + ".bias"] = {out};
}

void add_mlp(Shapes &shapes, const std::string &prefix, int64_t c, int64_t f) {
  add_linear(shapes, prefix + "mlp.fc1", f, c);
  add_linear(shapes, prefix + "mlp.fc2", c, f);
}

void add_block(Shapes &shapes, const std::string &prefix, int64_t c, int64_t f) {
  add_norm(shapes, prefix + "norm1", c);
  add_linear(shapes, prefix + "attn.qkv", 3 * c, c);
  add_linear(shapes, prefix + "attn.proj", c, c);
  add_norm(shapes, prefix + "norm2", c);
  add_mlp(shapes, prefix, c, f);
}

// Positions belong to places and steps, so their table fits one number of frames and one size of the image.
Status check_positions(const StateDict &dict, const ModelDescription &m) {
  const auto positions = dict.find("positions"), times = dict.find("time_positions");
  const int wanted = m.extra_tokens() + (m.divided ? m.step_tokens() : m.tokens());
  const std::string input = std::to_string(m.num_frames) + " frames of " + std::to_string(m.height) + "x" + std::to_string(m.width);
  if (m.positions == Positions::kLearned && positions != dict.end() && positions->second.dim() == 2 && positions->second.size(0) != wanted)
    return bad("the learned positions are those of " + std::to_string(positions->second.size(0)) + " tokens, but " + input + " have " +
               std::to_string(wanted) + ": give the frames and the image size that the model was trained with");
  if (m.divided && times != dict.end() && times->second.dim() == 2 && times->second.size(0) != m.num_frames)
    return bad("the learned positions are those of " + std::to_string(times->second.size(0)) + " frames, not of " + std::to_string(m.num_frames));
  return ok();
}

}  // namespace

std::map<std::string, std::vector<int64_t>> vit_shapes(const ModelDescription &m) {
  const int64_t c = m.embed_dim, f = m.mlp_dim;
  Shapes shapes = {{"patch_embed.proj.weight", {c, 3, m.tubelet, m.patch, m.patch}}, {"patch_embed.proj.bias", {c}}};
  if (m.class_token) shapes["class_token"] = {c};
  if (m.positions == Positions::kLearned) shapes["positions"] = {m.extra_tokens() + (m.divided ? m.step_tokens() : m.tokens()), c};
  if (m.divided) shapes["time_positions"] = {m.num_frames, c};
  for (int i = 0; i < m.depth; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".";
    add_block(shapes, block, c, f);
    if (!m.divided) continue;
    add_norm(shapes, block + "temporal.norm", c);
    add_linear(shapes, block + "temporal.attn.qkv", 3 * c, c);
    add_linear(shapes, block + "temporal.attn.proj", c, c);
    add_linear(shapes, block + "temporal.dense", c, c);
  }
  add_norm(shapes, m.mean_pooling && !m.pooled_by_attention() ? "fc_norm" : "norm", c);
  if (m.pooled_by_attention()) {
    shapes["pooler.query"] = {c};
    for (int i = 0; i < m.pooler_blocks; ++i) add_block(shapes, "pooler.blocks." + std::to_string(i) + ".", c, m.pooler_mlp_dim);
    add_norm(shapes, "pooler.cross.norm1", c);
    add_linear(shapes, "pooler.cross.attn.q", c, c);
    add_linear(shapes, "pooler.cross.attn.kv", 2 * c, c);
    add_norm(shapes, "pooler.cross.norm2", c);
    add_mlp(shapes, "pooler.cross.", c, m.pooler_mlp_dim);
  }
  add_linear(shapes, "head", m.num_classes, c);
  return shapes;
}

Status check_state_dict(const StateDict &dict, ModelDescription &m) {
  auto find = [&](const std::string &name) -> at::Tensor {
    const auto it = dict.find(name);
    return it == dict.end() ? at::Tensor() : it->second;
  };
  const std::string family = family_name(m.architecture);
  const at::Tensor patch = find("patch_embed.proj.weight"), head = find("head.weight"), fc1 = find("blocks.0.mlp.fc1.weight");
  if (!patch.defined()) return bad("patch_embed.proj.weight missing: not a " + family + " model");
  if (m.pooled_by_attention() && !find("pooler.query").defined())
    return bad("pooler.query_tokens missing: a " + family + " without the pooler and the classifier of a fine-tuned model");
  if (!head.defined()) return bad("head.weight missing: not a classifier");
  if (!fc1.defined()) return bad("blocks.0.mlp.fc1.weight missing");
  if (patch.dim() != 5 || patch.size(1) != 3 || patch.size(3) != patch.size(4))
    return bad("patch_embed.proj.weight has unexpected shape " + shape_text(patch.sizes()) + ", should be [C,3,tubelet,patch,patch]");
  if (head.dim() != 2 || fc1.dim() != 2) return bad("head.weight or blocks.0.mlp.fc1.weight has an unexpected shape");
  for (auto &status : {agree(m.embed_dim, patch.size(0), "embedding width"), agree(m.tubelet, patch.size(2), "tubelet size"),
                       agree(m.patch, patch.size(3), "patch size"), agree(m.depth, block_count(dict), "number of blocks"),
                       agree(m.mlp_dim, fc1.size(0), "MLP width"), agree(m.num_classes, head.size(0), "number of classes")})
    if (!status) return status.error();
  if (const int blocks = block_count(dict, "pooler.blocks.%d."); m.pooled_by_attention() && m.pooler_blocks != blocks)
    return bad("number of pooler layers is " + std::to_string(m.pooler_blocks) + " by the configuration but " + std::to_string(blocks) +
               " by the weights");
  if (m.pooled_by_attention()) {
    const at::Tensor pooler = find("pooler.cross.mlp.fc1.weight");
    if (!pooler.defined() || pooler.dim() != 2) return bad("pooler.cross.mlp.fc1.weight missing or of an unexpected shape");
    m.pooler_mlp_dim = static_cast<int>(pooler.size(0));
  }

  if (m.embed_dim < 1 || m.mlp_dim < 1 || m.num_classes < 1 || m.tubelet < 1 || m.patch < 1) return bad("a dimension of the model is zero");
  if (auto s = check_positions(dict, m); !s) return s;
  const Shapes expected = vit_shapes(m);
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
      return unsupported("tensor " + name + " is not part of a " + family + " classifier: this variant is not supported");
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
