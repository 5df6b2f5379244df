// SPDX-License-Identifier: MIT
// See hugging_face_names.h.
#include "checkpoint/names/hugging_face_names.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/errors.h"

namespace sta {
namespace {

// Names without ".weight" and ".bias". A * stands for the number of a block.
struct Rule {
  std::string_view file, canonical;
};

constexpr Rule kVivit[] = {{"vivit.embeddings.patch_embeddings.projection", "patch_embed.proj"},
                           {"vivit.embeddings.cls_token", "class_token"},
                           {"vivit.embeddings.position_embeddings", "positions"},
                           {"vivit.encoder.layer.*.layernorm_before", "blocks.*.norm1"},
                           {"vivit.encoder.layer.*.attention.attention.query", "blocks.*.attn.q"},
                           {"vivit.encoder.layer.*.attention.attention.key", "blocks.*.attn.k"},
                           {"vivit.encoder.layer.*.attention.attention.value", "blocks.*.attn.v"},
                           {"vivit.encoder.layer.*.attention.output.dense", "blocks.*.attn.proj"},
                           {"vivit.encoder.layer.*.layernorm_after", "blocks.*.norm2"},
                           {"vivit.encoder.layer.*.intermediate.dense", "blocks.*.mlp.fc1"},
                           {"vivit.encoder.layer.*.output.dense", "blocks.*.mlp.fc2"},
                           {"vivit.layernorm", "norm"},
                           {"classifier", "head"}};

constexpr Rule kVjepa2[] = {{"vjepa2.encoder.embeddings.patch_embeddings.proj", "patch_embed.proj"},
                            {"vjepa2.encoder.layer.*.norm1", "blocks.*.norm1"},
                            {"vjepa2.encoder.layer.*.attention.query", "blocks.*.attn.q"},
                            {"vjepa2.encoder.layer.*.attention.key", "blocks.*.attn.k"},
                            {"vjepa2.encoder.layer.*.attention.value", "blocks.*.attn.v"},
                            {"vjepa2.encoder.layer.*.attention.proj", "blocks.*.attn.proj"},
                            {"vjepa2.encoder.layer.*.norm2", "blocks.*.norm2"},
                            {"vjepa2.encoder.layer.*.mlp.fc1", "blocks.*.mlp.fc1"},
                            {"vjepa2.encoder.layer.*.mlp.fc2", "blocks.*.mlp.fc2"},
                            {"vjepa2.encoder.layernorm", "norm"},
                            {"pooler.query_tokens", "pooler.query"},
                            {"pooler.self_attention_layers.*.layer_norm1", "pooler.blocks.*.norm1"},
                            {"pooler.self_attention_layers.*.self_attn.q_proj", "pooler.blocks.*.attn.q"},
                            {"pooler.self_attention_layers.*.self_attn.k_proj", "pooler.blocks.*.attn.k"},
                            {"pooler.self_attention_layers.*.self_attn.v_proj", "pooler.blocks.*.attn.v"},
                            {"pooler.self_attention_layers.*.self_attn.out_proj", "pooler.blocks.*.attn.proj"},
                            {"pooler.self_attention_layers.*.layer_norm2", "pooler.blocks.*.norm2"},
                            {"pooler.self_attention_layers.*.mlp.fc1", "pooler.blocks.*.mlp.fc1"},
                            {"pooler.self_attention_layers.*.mlp.fc2", "pooler.blocks.*.mlp.fc2"},
                            {"pooler.cross_attention_layer.layer_norm1", "pooler.cross.norm1"},
                            {"pooler.cross_attention_layer.cross_attn.q_proj", "pooler.cross.attn.q"},
                            {"pooler.cross_attention_layer.cross_attn.k_proj", "pooler.cross.attn.k"},
                            {"pooler.cross_attention_layer.cross_attn.v_proj", "pooler.cross.attn.v"},
                            {"pooler.cross_attention_layer.layer_norm2", "pooler.cross.norm2"},
                            {"pooler.cross_attention_layer.mlp.fc1", "pooler.cross.mlp.fc1"},
                            {"pooler.cross_attention_layer.mlp.fc2", "pooler.cross.mlp.fc2"},
                            {"classifier", "head"}};

constexpr Rule kTimesformer[] = {{"timesformer.embeddings.patch_embeddings.projection", "patch_embed.proj"},
                                 {"timesformer.embeddings.cls_token", "class_token"},
                                 {"timesformer.embeddings.position_embeddings", "positions"},
                                 {"timesformer.embeddings.time_embeddings", "time_positions"},
                                 {"timesformer.encoder.layer.*.temporal_layernorm", "blocks.*.temporal.norm"},
                                 {"timesformer.encoder.layer.*.temporal_attention.attention.qkv", "blocks.*.temporal.attn.qkv"},
                                 {"timesformer.encoder.layer.*.temporal_attention.output.dense", "blocks.*.temporal.attn.proj"},
                                 {"timesformer.encoder.layer.*.temporal_dense", "blocks.*.temporal.dense"},
                                 {"timesformer.encoder.layer.*.layernorm_before", "blocks.*.norm1"},
                                 {"timesformer.encoder.layer.*.attention.attention.qkv", "blocks.*.attn.qkv"},
                                 {"timesformer.encoder.layer.*.attention.output.dense", "blocks.*.attn.proj"},
                                 {"timesformer.encoder.layer.*.layernorm_after", "blocks.*.norm2"},
                                 {"timesformer.encoder.layer.*.intermediate.dense", "blocks.*.mlp.fc1"},
                                 {"timesformer.encoder.layer.*.output.dense", "blocks.*.mlp.fc2"},
                                 {"timesformer.layernorm", "norm"},
                                 {"classifier", "head"}};

struct Family {
  std::string_view model_type, name;
  std::span<const Rule> rules;
};

constexpr std::array kFamilies = {Family{"vivit", "ViViT", kVivit}, Family{"vjepa2", "V-JEPA 2", kVjepa2},
                                  Family{"timesformer", "TimeSformer", kTimesformer}};

const Family *find_family(std::string_view model_type) {
  for (const Family &family : kFamilies)
    if (family.model_type == model_type) return &family;
  return nullptr;
}

// "a.*.c" matches "a.12.c" and gives "12". Without a * the names must be equal, and the result is "".
std::optional<std::string_view> match(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern ? std::optional<std::string_view>("") : std::nullopt;
  const std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
  if (name.size() <= before.size() + after.size() || !name.starts_with(before) || !name.ends_with(after)) return std::nullopt;
  const std::string_view number = name.substr(before.size(), name.size() - before.size() - after.size());
  if (number.size() > 3 || number.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return number;
}

std::string filled(std::string_view pattern, std::string_view number) {
  std::string name(pattern);
  if (const size_t star = name.find('*'); star != std::string::npos) name.replace(star, 1, number);
  return name;
}

// back: from canonical names to the file's. The end of the name, ".weight" or ".bias", stays.
std::optional<std::string> translate(const Family &family, const std::string &name, bool back) {
  std::string_view stem = name, end;
  for (const std::string_view suffix : {".weight", ".bias"})
    if (stem.ends_with(suffix)) {
      end = suffix;
      stem.remove_suffix(suffix.size());
      break;
    }
  for (const Rule &rule : family.rules)
    if (const auto number = match(back ? rule.canonical : rule.file, stem)) return filled(back ? rule.file : rule.canonical, *number).append(end);
  return std::nullopt;
}

// Tensors without an end of their name: one row or a table, which files keep with dimensions of size 1 before them.
bool is_row(const std::string &canonical) { return canonical == "class_token" || canonical == "pooler.query"; }
bool is_table(const std::string &canonical) { return canonical == "positions" || canonical == "time_positions"; }

std::string label(const std::string &piece) { return piece == "q" ? "query" : piece == "k" ? "key" : "value"; }

// Joins attn.{q,k,v} of one layer: all three into attn.qkv, or keys and values alone into attn.kv. attn: "blocks.3.attn."
Status join(StateDict &dict, const std::string &attn, bool with_query, bool biased) {
  for (const char *end : {".weight", ".bias"}) {
    std::vector<at::Tensor> pieces;
    const bool bias = std::string_view(end) == ".bias";
    for (const std::string piece : {"q", "k", "v"}) {
      if (piece == "q" && !with_query) continue;
      const auto it = dict.find(attn + piece + end);
      if (it == dict.end() && bias && !biased) continue;
      if (it == dict.end()) return bad(attn + label(piece) + end + " missing" + (bias ? ": a bias is never assumed to be zero" : ""));
      if (bias && !biased) return bad(it->first + " is there, although the configuration says qkv_bias false");
      if (!pieces.empty() && (it->second.sizes() != pieces[0].sizes() || it->second.scalar_type() != pieces[0].scalar_type()))
        return bad(attn + label(piece) + end + " has an unexpected shape or type");
      if (it->second.dim() != (bias ? 1 : 2)) return bad(attn + label(piece) + end + " has an unexpected shape");
      pieces.push_back(it->second);
      dict.erase(it);
    }
    if (!pieces.empty()) dict[attn + (with_query ? "qkv" : "kv") + end] = at::cat(pieces);
  }
  return ok();
}

// Where the configuration says that there are no biases of q, k, v, zeros are right.
Status add_zero_biases(StateDict &dict) {
  std::vector<std::pair<std::string, at::Tensor>> zeros;
  for (const auto &[name, tensor] : dict) {
    if (!name.starts_with("blocks.") || !name.ends_with(".attn.qkv.weight") || tensor.dim() != 2) continue;
    const std::string bias = name.substr(0, name.size() - 6) + "bias";
    if (dict.count(bias)) return bad(bias + " is there, although the configuration says qkv_bias false");
    zeros.emplace_back(bias, at::zeros({tensor.size(0)}, tensor.options()));
  }
  for (auto &[name, tensor] : zeros) dict[name] = std::move(tensor);
  return ok();
}

}  // namespace

bool is_hugging_face_family(const std::string &model_type) { return find_family(model_type) != nullptr; }

std::string family_name(const std::string &model_type) {
  const Family *family = find_family(model_type);
  return std::string(family ? family->name : "VideoMAE");
}

std::string family_of_names(const StateDict &file) {
  for (const Family &family : kFamilies)
    for (const auto &[name, tensor] : file) {
      const std::string prefix = std::string(family.model_type) + ".";
      if (const size_t at = name.find(prefix); at != std::string::npos && (at == 0 || name[at - 1] == '.')) return std::string(family.model_type);
    }
  return "";
}

Result<StateDict> canonical_from_hugging_face(const StateDict &file, ModelDescription &m) {
  const Family *family = find_family(m.architecture);
  if (!family) return bad("no names of model_type \"" + m.architecture + "\" are known");
  StateDict dict;
  bool unused_pooler = false;
  for (const auto &[name, tensor] : file) {
    // What predicts hidden parts of a video while a V-JEPA 2 is trained. Its classifier does not use it.
    if (name.starts_with("vjepa2.predictor.")) continue;
    if (name.starts_with("vivit.pooler.")) {
      unused_pooler = true;
      continue;
    }
    const auto canonical = translate(*family, name, /*back=*/false);
    if (!canonical)
      return unsupported("tensor " + name + " is not part of a " + std::string(family->name) + " classifier: this variant is not supported");
    at::Tensor value = tensor;
    if (is_row(*canonical)) value = value.reshape({-1});
    if (is_table(*canonical) && value.dim() == 3 && value.size(0) == 1) value = value.select(0, 0);
    // A patch of one frame is a tubelet of one frame.
    if (*canonical == "patch_embed.proj.weight" && value.dim() == 4) value = value.unsqueeze(2);
    if (!dict.emplace(*canonical, value).second) return bad("two tensors mean " + *canonical);
  }
  if (unused_pooler) m.warnings += "vivit.pooler is in the file, but the classifier does not use it; it is left out\n";
  std::vector<std::string> layers;  // "blocks.3.attn."
  for (const auto &[name, tensor] : dict)
    if (name.ends_with(".attn.q.weight") || (name.ends_with(".attn.k.weight") && !dict.count(name.substr(0, name.size() - 8) + "q.weight")))
      layers.push_back(name.substr(0, name.size() - 8));
  for (const std::string &attn : layers)
    if (auto s = join(dict, attn, attn != "pooler.cross.attn.", m.qkv_bias || attn.starts_with("pooler.")); !s) return std::move(s).error();
  if (!m.qkv_bias)
    if (auto s = add_zero_biases(dict); !s) return std::move(s).error();
  return dict;
}

StateDict hugging_face_from_canonical(const StateDict &weights, const ModelDescription &m) {
  const Family &family = *find_family(m.architecture);
  StateDict out;
  const auto put = [&](const std::string &canonical, const at::Tensor &value) {
    // Every canonical name has a line in the table, because the weights were checked.
    if (const auto name = translate(family, canonical, /*back=*/true)) out[*name] = value;
  };
  for (const auto &[name, tensor] : weights) {
    const bool all = name.find(".attn.qkv.") != std::string::npos, pair = name.find(".attn.kv.") != std::string::npos;
    if (!m.qkv_bias && all && name.starts_with("blocks.") && name.ends_with(".bias")) continue;
    if ((all || pair) && !translate(family, name, /*back=*/true)) {
      const std::string joined = all ? "qkv" : "kv", before = name.substr(0, name.find(".attn.") + 6), end = name.substr(name.rfind('.'));
      const int64_t rows = tensor.size(0) / static_cast<int64_t>(joined.size());
      for (size_t i = 0; i < joined.size(); ++i)
        put(before + joined[i] + end, tensor.slice(0, static_cast<int64_t>(i) * rows, static_cast<int64_t>(i + 1) * rows));
    } else if (is_row(name)) {
      put(name, tensor.view({1, 1, -1}));
    } else if (is_table(name)) {
      put(name, tensor.unsqueeze(0));
    } else if (name == "patch_embed.proj.weight" && m.divided) {
      put(name, tensor.squeeze(2));
    } else {
      put(name, tensor);
    }
  }
  return out;
}

}  // namespace sta
