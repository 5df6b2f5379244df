// SPDX-License-Identifier: MIT
// See wrappers.h.
#include "checkpoint/names/wrappers.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include "checkpoint/errors.h"

namespace sta {
namespace {

// The name of the patch embedding in each known layout.
constexpr std::array kAnchors = {"videomae.embeddings.patch_embeddings.projection.weight",
                                 "vivit.embeddings.patch_embeddings.projection.weight",
                                 "vjepa2.encoder.embeddings.patch_embeddings.proj.weight",
                                 "timesformer.embeddings.patch_embeddings.projection.weight",
                                 "patch_embed.proj.weight",
                                 "patch_embed.projection.weight"};

// Inner wrappers. The classifier's head is beside them, not inside: backbone.blocks.0... and cls_head.fc_cls.weight.
constexpr std::array kBackbones = {"backbone.", "encoder."};

std::string joined(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// A prefix as people read it: "student." -> "student". A model without a wrapper has no prefix.
std::string shown(const std::string &prefix) { return prefix.empty() ? "(no prefix)" : prefix.substr(0, prefix.size() - 1); }

std::string without_backbone(std::string prefix) {
  for (bool more = true; more;) {
    more = false;
    for (const std::string inner : kBackbones)
      if (prefix.ends_with(inner) && (prefix.size() == inner.size() || prefix[prefix.size() - inner.size() - 1] == '.')) {
        prefix.erase(prefix.size() - inner.size());
        more = true;
      }
  }
  return prefix;
}

// Order of choice; the lowest number wins. The trained model comes before its moving average, and the teacher, which is
// evaluated, before its student. Models of equal number are taken in the order of the file.
int order_of(const std::string &prefix) {
  const auto holds = [&](const char *word) { return prefix.find(word) != std::string::npos; };
  return holds("ema") ? 1 : holds("teacher") ? 2 : holds("student") ? 3 : 0;
}

// Whether a tensor is beside the network and not a part of it: the first word of its name is none of the parts of
// networks.
bool is_bystander(const std::string &name) {
  const std::string first = name.substr(0, name.find('.'));
  static constexpr std::array kParts = {
      "embed",      "token",   "pos",    "head",        "norm",     "attn",    "block",    "layer", "pool", "conv", "proj",
      "classifier", "adapter", "lora",   "decoder",     "mask",     "encoder", "features", "stage", "mlp",  "fc",   "data_preprocessor",
      "videomae",   "vivit",   "vjepa2", "timesformer", "backbone", "gamma"};
  return std::none_of(kParts.begin(), kParts.end(), [&](const char *part) { return first.find(part) != std::string::npos; });
}

}  // namespace

ModelPath split_model_path(const std::string &path) {
  std::error_code ec;
  const size_t mark = path.rfind('#');
  if (mark == std::string::npos || std::filesystem::exists(path, ec)) return {path, ""};
  return {path.substr(0, mark), path.substr(mark + 1)};
}

Result<StateDict> unwrap_model(const StateDict &file, const std::string &part, std::string &warnings) {
  std::vector<std::string> prefixes;
  for (const auto &[name, tensor] : file) {
    if (name.find("lora_A") != std::string::npos || name.find("lora_B") != std::string::npos || name.find(".base_layer.") != std::string::npos)
      return unsupported(name +
                         ": a LoRA adapter, which is no model by itself: merge it into its base model first (in Python with PEFT: "
                         "merge_and_unload(), then save_pretrained())");
    for (const std::string anchor : kAnchors)
      if (name.ends_with(anchor) && (name.size() == anchor.size() || name[name.size() - anchor.size() - 1] == '.')) {
        prefixes.push_back(name.substr(0, name.size() - anchor.size()));
        break;
      }
  }
  std::vector<std::string> all;
  for (const std::string &prefix : prefixes) all.push_back(shown(prefix));
  if (!part.empty()) {
    const auto match =
        std::find_if(prefixes.begin(), prefixes.end(), [&](const std::string &p) { return shown(p) == part || shown(without_backbone(p)) == part; });
    if (match == prefixes.end()) return bad("holds no model \"" + part + "\"" + (all.empty() ? "" : "; it holds " + joined(all)));
    prefixes = {*match};
  }
  if (prefixes.empty()) return file;  // the name map says what is missing
  const auto chosen = std::min_element(prefixes.begin(), prefixes.end(), [](const auto &a, const auto &b) { return order_of(a) < order_of(b); });
  if (prefixes.size() > 1)
    warnings += "the file holds several models (" + joined(all) + "); " + shown(*chosen) + " was taken, FILE#PREFIX takes another\n";
  const std::string outer = without_backbone(*chosen);
  StateDict model;
  std::vector<std::string> left_out;
  for (const auto &[original, tensor] : file) {
    std::string name = original;
    const bool inside = strip_prefix(name, *chosen) || strip_prefix(name, outer);
    const bool other = !inside || std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string &p) {
      return p != *chosen && p.size() > outer.size() && original.starts_with(p);
    });
    // Tensors outside the wrapper of the chosen model do not belong to it. The exception is the head that some
    // frameworks put beside the backbone.
    if (other || is_bystander(name))
      left_out.push_back(original);
    else if (!model.emplace(name, tensor).second)
      return bad("two tensors mean " + name);
  }
  if (!left_out.empty() && prefixes.size() == 1 && part.empty()) {
    const size_t count = left_out.size();
    if (count > 5) left_out.resize(5);
    warnings += std::to_string(count) + (count == 1 ? " tensor is" : " tensors are") + " no part of the model and left out: " + joined(left_out) +
                (count > 5 ? ", ..." : "") + "\n";
  }
  return model;
}

}  // namespace sta
