// SPDX-License-Identifier: MIT
// See convert.h.
#include "checkpoint/convert.h"

#include <ATen/core/Tensor.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "checkpoint/formats/safetensors.h"
#include "checkpoint/names/hugging_face_names.h"

namespace sta {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// The seconds between frames as an exact fraction: "2/15".
std::string interval_text(const Spacing &spacing) {
  const int64_t second = 1'000'000'000, common = std::gcd(spacing.num, second);
  const int64_t num = spacing.num / common, rest = second / common, den = spacing.den * rest;
  const int64_t last = std::gcd(num, den);
  return std::to_string(num / last) + "/" + std::to_string(den / last);
}

const char *type_name(at::ScalarType type) { return type == at::kHalf ? "float16" : type == at::kBFloat16 ? "bfloat16" : "float32"; }

ordered_json sta_of(const ModelDescription &m) {
  ordered_json sta = {{"sample_interval", interval_text(m.spacing)}};
  const EventHints &hints = m.events;
  if (hints.background >= 0) sta["background"] = m.labels[static_cast<size_t>(hints.background)];
  ordered_json events = ordered_json::object();
  if (hints.smoothing > 0) events["smoothing"] = hints.smoothing;
  for (const auto &[key, value] : {std::pair{"enter_threshold", hints.enter_threshold},
                                   {"exit_threshold", hints.exit_threshold},
                                   {"min_duration", hints.min_duration},
                                   {"release_duration", hints.release_duration}})
    if (value >= 0) events[key] = value;
  if (!events.empty()) sta["events"] = events;
  // As it was written: a float has seven digits.
  if (m.still_threshold > 0) sta["still_threshold"] = std::round(static_cast<double>(m.still_threshold) * 1e6) / 1e6;
  return sta;
}

// A ratio that gives the width of the MLP again when it is multiplied with the width and cut off, as transformers does.
double mlp_ratio(const ModelDescription &m) {
  double ratio = static_cast<double>(m.mlp_dim) / m.embed_dim;
  while (static_cast<int>(m.embed_dim * ratio) < m.mlp_dim) ratio = std::nextafter(ratio, 64.0);
  return ratio;
}

const char *gelu_of(const ModelDescription &m) { return m.tanh_gelu ? "gelu_fast" : "gelu"; }

// The keys of the network, under the names of its family.
ordered_json network_of(const ModelDescription &m, const ordered_json &image) {
  if (m.architecture == "vivit")
    return {{"architectures", {"VivitForVideoClassification"}},
            {"intermediate_size", m.mlp_dim},
            {"image_size", image},
            {"num_channels", 3},
            {"num_frames", m.num_frames},
            {"tubelet_size", {m.tubelet, m.patch, m.patch}}};
  if (m.architecture == "timesformer")
    return {{"architectures", {"TimesformerForVideoClassification"}},
            {"intermediate_size", m.mlp_dim},
            {"image_size", image},
            {"patch_size", m.patch},
            {"num_channels", 3},
            {"num_frames", m.num_frames},
            {"attention_type", "divided_space_time"}};
  return {{"architectures", {"VJEPA2ForVideoClassification"}},
          {"mlp_ratio", mlp_ratio(m)},
          {"crop_size", image},
          {"patch_size", m.patch},
          {"in_chans", 3},
          {"frames_per_clip", m.num_frames},
          {"tubelet_size", m.tubelet},
          {"num_pooler_layers", m.pooler_blocks}};
}

// ViViT, V-JEPA 2, TimeSformer.
ordered_json family_config_of(const ModelDescription &m, at::ScalarType type, const ordered_json &image, const ordered_json &id2label,
                              const ordered_json &label2id) {
  ordered_json config = {{"model_type", m.architecture},
                         {"hidden_size", m.embed_dim},
                         {"num_hidden_layers", m.depth},
                         {"num_attention_heads", m.num_heads},
                         {"hidden_act", gelu_of(m)},
                         {"layer_norm_eps", m.block_eps},
                         {"qkv_bias", m.qkv_bias},
                         {"problem_type", m.multi_label ? "multi_label_classification" : "single_label_classification"},
                         {"torch_dtype", type_name(type)},
                         {"id2label", id2label},
                         {"label2id", label2id}};
  config.update(network_of(m, image));
  config["sta"] = sta_of(m);
  return config;
}

ordered_json config_of(const ModelDescription &m, at::ScalarType type) {
  ordered_json id2label = ordered_json::object(), label2id = ordered_json::object();
  for (size_t i = 0; i < m.labels.size(); ++i) {
    id2label[std::to_string(i)] = m.labels[i];
    label2id[m.labels[i]] = i;
  }
  const ordered_json image = m.height == m.width ? ordered_json(m.height) : ordered_json{m.height, m.width};
  // No other program has a configuration of Video Swin in this format; the names are those of the official
  // configurations.
  if (m.pyramid())
    return {{"model_type", "video_swin"},
            {"embed_dim", m.embed_dim},
            {"depths", m.stage_depths},
            {"num_heads", m.stage_heads},
            {"window_size", m.window},
            {"patch_size", {m.tubelet, m.patch, m.patch}},
            {"mlp_ratio", static_cast<double>(m.mlp_dim) / m.embed_dim},
            {"layer_norm_eps", m.block_eps},
            {"image_size", image},
            {"num_frames", m.num_frames},
            {"torch_dtype", type_name(type)},
            {"id2label", id2label},
            {"label2id", label2id},
            {"sta", sta_of(m)}};
  if (is_hugging_face_family(m.architecture)) return family_config_of(m, type, image, id2label, label2id);
  ordered_json sta = sta_of(m);
  sta["fc_norm_eps"] = m.fc_norm_eps;
  return {{"architectures", {"VideoMAEForVideoClassification"}},
          {"model_type", "videomae"},
          {"hidden_size", m.embed_dim},
          {"num_hidden_layers", m.depth},
          {"num_attention_heads", m.num_heads},
          {"intermediate_size", m.mlp_dim},
          {"hidden_act", "gelu"},
          {"layer_norm_eps", m.block_eps},
          {"image_size", image},
          {"patch_size", m.patch},
          {"num_channels", 3},
          {"num_frames", m.num_frames},
          {"tubelet_size", m.tubelet},
          {"qkv_bias", true},
          {"use_mean_pooling", m.mean_pooling},
          {"problem_type", m.multi_label ? "multi_label_classification" : "single_label_classification"},
          {"torch_dtype", type_name(type)},
          {"id2label", id2label},
          {"label2id", label2id},
          {"sta", sta}};
}

// The processor of V-JEPA 2 reads a file of another name.
bool has_video_processor(const ModelDescription &m) { return m.architecture == "vjepa2"; }

const char *processor_file(const ModelDescription &m) {
  return has_video_processor(m) ? "video_preprocessor_config.json" : "preprocessor_config.json";
}

ordered_json preprocessor_of(const ModelDescription &m) {
  // Printed in full, a float such as 0.485f would become 0.485000014... So this writes the fewest digits that give the
  // same float.
  auto triple = [](const std::array<float, 3> &v) {
    ordered_json out = ordered_json::array();
    for (const float f : v) {
      char text[32];
      *std::to_chars(text, text + sizeof text - 1, f).ptr = 0;
      out.push_back(std::strtod(text, nullptr));
    }
    return out;
  };
  const ordered_json size =
      m.squash_height > 0 ? ordered_json{{"height", m.squash_height}, {"width", m.squash_width}} : ordered_json{{"shortest_edge", m.short_side}};
  const bool vivit = m.architecture == "vivit";
  ordered_json out = {{has_video_processor(m) ? "video_processor_type" : "image_processor_type", has_video_processor(m) ? "VJEPA2VideoProcessor"
                                                                                                 : vivit                ? "VivitImageProcessor"
                                                                                                                        : "VideoMAEImageProcessor"},
                      {"do_resize", true},
                      {"size", size},
                      {"resample", 2},
                      {"do_center_crop", true},
                      {"crop_size", {{"height", m.height}, {"width", m.width}}},
                      {"do_rescale", true},
                      {"rescale_factor", 1.0 / 255},
                      {"do_normalize", true},
                      {"image_mean", triple(m.mean)},
                      {"image_std", triple(m.std)}};
  if (vivit) out["offset"] = false;  // it is in image_mean
  out["sta"] = {{"antialias", m.antialias}};
  return out;
}

// Canonical names -> Hugging Face names. The published spelling (q_bias, v_bias) has no place for a key bias. If a key
// bias was trained, the other spelling is written.
std::map<std::string, at::Tensor> hugging_face_names(const LoadedModel &model, at::ScalarType type) {
  const ModelDescription &m = model.description;
  std::map<std::string, at::Tensor> out;
  auto get = [&](const std::string &name) { return model.weights.at(name).to(type).contiguous(); };
  auto copy = [&](const std::string &from, const std::string &to) {
    for (const char *part : {".weight", ".bias"}) out[to + part] = get(from + part);
  };
  copy("patch_embed.proj", "videomae.embeddings.patch_embeddings.projection");
  if (m.mean_pooling)
    copy("fc_norm", "fc_norm");
  else
    copy("norm", "videomae.layernorm");
  copy("head", "classifier");
  for (int i = 0; i < m.depth; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".", layer = "videomae.encoder.layer." + std::to_string(i) + ".";
    for (const auto &[from, to] : {std::pair{"norm1", "layernorm_before"},
                                   {"norm2", "layernorm_after"},
                                   {"attn.proj", "attention.output.dense"},
                                   {"mlp.fc1", "intermediate.dense"},
                                   {"mlp.fc2", "output.dense"}})
      copy(block + from, layer + to);
    const std::string attention = layer + "attention.attention.";
    const at::Tensor weight = get(block + "attn.qkv.weight"), bias = get(block + "attn.qkv.bias");
    auto third = [&](const at::Tensor &t, int64_t which) { return t.slice(0, which * m.embed_dim, (which + 1) * m.embed_dim); };
    for (const auto &[name, which] : {std::pair{"query", 0}, {"key", 1}, {"value", 2}}) out[attention + name + ".weight"] = third(weight, which);
    if (third(bias, 1).count_nonzero().item<int64_t>() == 0) {
      out[attention + "q_bias"] = third(bias, 0);
      out[attention + "v_bias"] = third(bias, 2);
    } else {
      for (const auto &[name, which] : {std::pair{"query", 0}, {"key", 1}, {"value", 2}}) out[attention + name + ".bias"] = third(bias, which);
    }
  }
  return out;
}

// The tensors of the new file, under Hugging Face names or, for Video Swin, canonical names.
std::map<std::string, at::Tensor> written_tensors(const LoadedModel &model, at::ScalarType type) {
  StateDict weights = model.weights;
  if (is_hugging_face_family(model.description.architecture))
    weights = hugging_face_from_canonical(weights, model.description);
  else if (!model.description.pyramid())
    return hugging_face_names(model, type);
  std::map<std::string, at::Tensor> out;
  for (const auto &[name, tensor] : weights) out[name] = tensor.to(type).contiguous();
  return out;
}

Status write_json(const fs::path &path, const ordered_json &json) {
  std::ofstream out(path, std::ios::binary);
  out << json.dump(2) << '\n';
  out.close();
  if (!out) return Error{STA_ERROR_NOT_FOUND, path.string() + ": cannot write: " + std::strerror(errno)};
  return ok();
}

}  // namespace

Status write_model_folder(const LoadedModel &model, const std::string &folder) {
  const fs::path path = folder;
  std::error_code ec;
  fs::create_directories(path, ec);
  if (!fs::is_directory(path, ec)) return Error{STA_ERROR_NOT_FOUND, folder + ": cannot be made a folder"};
  // Never overwrite another model: the weights that are being read may be mapped from there.
  for (const char *name : {"config.json", "preprocessor_config.json", "video_preprocessor_config.json", "model.safetensors"})
    if (fs::exists(path / name, ec)) return Error{STA_ERROR_INVALID_ARGUMENT, (path / name).string() + " is there already: give a new folder"};
  const at::ScalarType stored = model.weights.at("patch_embed.proj.weight").scalar_type();
  const at::ScalarType type = stored == at::kHalf || stored == at::kBFloat16 ? stored : at::kFloat;
  // The configuration comes last. A folder without one is no model, so an interrupted run leaves nothing that looks
  // complete.
  if (auto s = write_safetensors((path / "model.safetensors").string(), written_tensors(model, type), {{"format", "pt"}}); !s) return s;
  if (auto s = write_json(path / processor_file(model.description), preprocessor_of(model.description)); !s) return s;
  return write_json(path / "config.json", config_of(model.description, type));
}

}  // namespace sta
