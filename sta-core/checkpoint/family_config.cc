// SPDX-License-Identifier: MIT
// See family_config.h. Where a key is missing, its value is the default of the family's class in transformers.
#include "checkpoint/family_config.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/config_json.h"
#include "checkpoint/errors.h"

namespace sta {
namespace {

using nlohmann::json;

struct Size {
  const char *key;
  int *value;
};

Status get_all(const json &root, const std::vector<Size> &sizes, const std::string &path) {
  for (const auto &[key, value] : sizes)
    if (auto s = get_size(root, key, *value, path); !s) return s;
  return ok();
}

// key: "image_size", "img_size", "crop_size".
Status get_image(const json &root, const char *key, ModelDescription &m, const std::string &path) {
  if (root.contains(key) && !read_size(root[key], m.height, m.width)) return bad(path + ": " + key + " should be a number or [height, width]");
  m.short_side = std::min(m.height, m.width);
  return ok();
}

Status check_channels(int channels, const char *key, const std::string &path) {
  return channels == 3 ? ok() : Status(unsupported(path + ": " + key + " other than 3 is not supported"));
}

// The exact GELU, or the approximation with tanh under any of its names.
Status get_gelu(const json &root, const std::string &key_default, ModelDescription &m, const std::string &path) {
  const json act = root.value("hidden_act", json(key_default));
  const std::string name = act.is_string() ? act.get<std::string>() : "";
  m.tanh_gelu = name == "gelu_fast" || name == "gelu_new" || name == "gelu_pytorch_tanh";
  if (name == "gelu" || m.tanh_gelu) return ok();
  return unsupported(path + ": hidden_act " + act.dump() + " is not supported, \"gelu\" and \"gelu_fast\" are");
}

// Attention that sees a part of the tokens, under the names that configurations give it. STA needs all pairs of tokens.
Status refuse_windows(const json &root, const std::string &path) {
  for (const char *key : {"window_size", "attention_window", "use_window_attention", "window_block_indices"})
    if (root.contains(key) && !root[key].is_null() && root[key] != false && root[key] != 0 && root[key] != json::array())
      return unsupported(path + ": " + key + " " + root[key].dump() + ": attention in windows is not supported for this network");
  return ok();
}

// A window of `span` frames of 30 a second, from which every span/T-th frame is taken.
Spacing spacing_of(int span, int frames) { return {std::max(1, span / std::max(1, frames)) * int64_t{100'000'000}, 3}; }

Status read_videomae(const json &root, ModelDescription &m, const std::string &path) {
  m.architecture = "videomae";
  int channels = 3;
  if (auto s = get_all(root,
                       {{"hidden_size", &m.embed_dim},
                        {"num_hidden_layers", &m.depth},
                        {"num_attention_heads", &m.num_heads},
                        {"intermediate_size", &m.mlp_dim},
                        {"tubelet_size", &m.tubelet},
                        {"patch_size", &m.patch},
                        {"num_channels", &channels},
                        {"num_frames", &m.num_frames}},
                       path);
      !s)
    return s;
  if (auto s = get_image(root, "image_size", m, path); !s) return s;
  if (auto s = get_number(root, "layer_norm_eps", 1, m.block_eps, path); !s) return s;
  m.fc_norm_eps = 1e-5;  // transformers builds fc_norm with the framework's default
  if (auto s = check_channels(channels, "num_channels", path); !s) return s;
  if (const json act = root.value("hidden_act", json("gelu")); act != "gelu")
    return unsupported(path + ": hidden_act " + act.dump() + " is not supported, \"gelu\" is");
  if (auto s = get_bool(root, "use_mean_pooling", m.mean_pooling, path); !s) return s;
  // transformers 5 has another name for qkv_bias.
  for (const char *key : {"qkv_bias", "qv_bias"})
    if (auto s = get_bool(root, key, m.qkv_bias, path); !s) return s;
  return ok();
}

// OpenGVLab's folders with code of their own. The code's arguments are in "model_config"; the network is VideoMAE's.
Status read_videomae_v2(const json &root, ModelDescription &m, const std::string &path) {
  m.architecture = "videomae";
  if (!root.contains("model_config") || !root["model_config"].is_object()) return bad(path + ": model_config should be an object");
  const json &c = root["model_config"];
  const std::string where = path + ": model_config";
  if (c.contains("num_classes") && c["num_classes"] == 0)
    return unsupported(where + ": num_classes is 0: the folder has features and no classifier, a fine-tuned model is needed");
  int channels = 3;
  if (auto s = get_all(c,
                       {{"embed_dim", &m.embed_dim},
                        {"depth", &m.depth},
                        {"num_heads", &m.num_heads},
                        {"tubelet_size", &m.tubelet},
                        {"patch_size", &m.patch},
                        {"in_chans", &channels},
                        {"num_frames", &m.num_frames},
                        {"num_classes", &m.num_classes}},
                       where);
      !s)
    return s;
  if (auto s = get_image(c, "img_size", m, where); !s) return s;
  if (auto s = get_number(c, "layer_norm_eps", 1, m.block_eps, where); !s) return s;
  m.fc_norm_eps = m.block_eps;
  if (auto s = check_channels(channels, "in_chans", where); !s) return s;
  bool cosine = false, learned = false;
  if (auto s = get_bool(c, "cos_attn", cosine, where); !s) return s;
  if (cosine) return unsupported(where + ": cos_attn true: cosine attention is not supported");
  if (auto s = get_bool(c, "use_learnable_pos_emb", learned, where); !s) return s;
  if (learned) return unsupported(where + ": use_learnable_pos_emb true: learned positions are not supported for this network");
  if (auto s = get_bool(c, "use_mean_pooling", m.mean_pooling, where); !s) return s;
  return get_bool(c, "qkv_bias", m.qkv_bias, where);
}

Status read_vivit(const json &root, ModelDescription &m, const std::string &path) {
  m.architecture = "vivit";
  m.positions = Positions::kLearned;
  m.class_token = true;
  m.mean_pooling = false;
  m.num_frames = 32;
  m.embed_dim = 768;
  m.depth = m.num_heads = 12;
  m.mlp_dim = 3072;
  int channels = 3;
  std::vector<int> tubelet{2, 16, 16};
  if (auto s = get_all(root,
                       {{"hidden_size", &m.embed_dim},
                        {"num_hidden_layers", &m.depth},
                        {"num_attention_heads", &m.num_heads},
                        {"intermediate_size", &m.mlp_dim},
                        {"num_channels", &channels},
                        {"num_frames", &m.num_frames}},
                       path);
      !s)
    return s;
  if (auto s = get_sizes(root, "tubelet_size", 3, tubelet, path); !s) return s;
  if (tubelet[1] != tubelet[2]) return unsupported(path + ": tubelet_size with patches that are not square is not supported");
  m.tubelet = tubelet[0];
  m.patch = tubelet[1];
  if (auto s = get_image(root, "image_size", m, path); !s) return s;
  if (auto s = get_number(root, "layer_norm_eps", 1, m.block_eps, path); !s) return s;
  if (auto s = check_channels(channels, "num_channels", path); !s) return s;
  if (auto s = get_gelu(root, "gelu_fast", m, path); !s) return s;
  m.short_side = std::min(4096, m.short_side * 256 / 224);
  m.mean = m.std = {0.5f, 0.5f, 0.5f};
  m.spacing = spacing_of(64, m.num_frames);  // every second frame of 30 fps for 32 frames, as on Kinetics
  return get_bool(root, "qkv_bias", m.qkv_bias, path);
}

Status read_vjepa2(const json &root, ModelDescription &m, const std::string &path) {
  m.architecture = "vjepa2";
  m.positions = Positions::kRotary;
  m.num_frames = 64;
  m.height = m.width = 256;
  m.embed_dim = 1024;
  m.depth = 24;
  m.num_heads = 16;
  m.pooler_blocks = 3;
  m.antialias = true;
  int channels = 3;
  double ratio = 4;
  if (auto s = get_all(root,
                       {{"hidden_size", &m.embed_dim},
                        {"num_hidden_layers", &m.depth},
                        {"num_attention_heads", &m.num_heads},
                        {"tubelet_size", &m.tubelet},
                        {"patch_size", &m.patch},
                        {"in_chans", &channels},
                        {"frames_per_clip", &m.num_frames}},
                       path);
      !s)
    return s;
  // A pooler of the learned query alone has no blocks.
  if (!root.contains("num_pooler_layers") || root["num_pooler_layers"] != 0)
    if (auto s = get_size(root, "num_pooler_layers", m.pooler_blocks, path); !s) return s;
  if (root.contains("num_pooler_layers") && root["num_pooler_layers"] == 0) m.pooler_blocks = 0;
  if (auto s = get_image(root, "crop_size", m, path); !s) return s;
  m.short_side = std::min(4096, m.short_side * 256 / 224);  // what its video processor does
  if (auto s = get_number(root, "layer_norm_eps", 1, m.block_eps, path); !s) return s;
  if (auto s = get_number(root, "mlp_ratio", 64, ratio, path); !s) return s;
  m.mlp_dim = static_cast<int>(m.embed_dim * ratio);
  if (auto s = check_channels(channels, "in_chans", path); !s) return s;
  if (auto s = get_gelu(root, "gelu", m, path); !s) return s;
  m.spacing = spacing_of(64, m.num_frames);  // 16 frames, every fourth of 30 fps, or 32, every second
  return get_bool(root, "qkv_bias", m.qkv_bias, path);
}

Status read_timesformer(const json &root, ModelDescription &m, const std::string &path) {
  m.architecture = "timesformer";
  m.positions = Positions::kLearned;
  m.class_token = m.divided = true;
  m.mean_pooling = false;
  m.tubelet = 1;
  m.num_frames = 8;
  m.embed_dim = 768;
  m.depth = m.num_heads = 12;
  m.mlp_dim = 3072;
  int channels = 3;
  if (auto s = get_all(root,
                       {{"hidden_size", &m.embed_dim},
                        {"num_hidden_layers", &m.depth},
                        {"num_attention_heads", &m.num_heads},
                        {"intermediate_size", &m.mlp_dim},
                        {"patch_size", &m.patch},
                        {"num_channels", &channels},
                        {"num_frames", &m.num_frames}},
                       path);
      !s)
    return s;
  if (auto s = get_image(root, "image_size", m, path); !s) return s;
  if (auto s = get_number(root, "layer_norm_eps", 1, m.block_eps, path); !s) return s;
  if (auto s = check_channels(channels, "num_channels", path); !s) return s;
  if (auto s = get_gelu(root, "gelu", m, path); !s) return s;
  if (const json type = root.value("attention_type", json("divided_space_time")); type != "divided_space_time")
    return unsupported(path + ": attention_type " + type.dump() + " is not supported, \"divided_space_time\" is");
  // 8 frames, every 32nd of 30 fps; 16, every 16th; 96, every fourth.
  m.spacing = {std::max<int64_t>(4, 256 / std::max(1, m.num_frames)) * 100'000'000, 3};
  m.mean = {0.45f, 0.45f, 0.45f};
  m.std = {0.225f, 0.225f, 0.225f};
  return get_bool(root, "qkv_bias", m.qkv_bias, path);
}

// Reads the keys of the official code's configurations. convert.h writes the same keys.
Status read_video_swin(const json &root, ModelDescription &m, const std::string &path) {
  describe_swin_defaults(m);
  std::vector<int> window, patch{m.tubelet, m.patch, m.patch};
  double mlp_ratio = 0;
  if (auto s = get_size(root, "embed_dim", m.embed_dim, path); !s) return s;
  if (auto s = get_sizes(root, "depths", 0, m.stage_depths, path); !s) return s;
  if (auto s = get_sizes(root, "num_heads", m.stage_depths.size(), m.stage_heads, path); !s) return s;
  if (auto s = get_sizes(root, "window_size", 3, window, path); !s) return s;
  if (auto s = get_sizes(root, "patch_size", 3, patch, path); !s) return s;
  if (auto s = get_number(root, "mlp_ratio", 64, mlp_ratio, path); !s) return s;
  if (auto s = get_number(root, "layer_norm_eps", 1, m.block_eps, path); !s) return s;
  m.fc_norm_eps = m.block_eps;
  if (patch[1] != patch[2]) return unsupported(path + ": patch_size that is not square is not supported");
  m.tubelet = patch[0];
  m.patch = patch[1];
  if (!window.empty()) m.window = {window[0], window[1], window[2]};
  m.mlp_dim = static_cast<int>(mlp_ratio * m.embed_dim);
  if (auto s = get_size(root, "num_frames", m.num_frames, path); !s) return s;
  return get_image(root, "image_size", m, path);
}

struct Family {
  std::string_view model_type;
  Status (*read)(const json &root, ModelDescription &m, const std::string &path);
  bool any_end = false;  // model_type is only how the name begins
};

constexpr std::array kFamilies = {
    Family{"videomae", read_videomae}, Family{"VideoMAEv2_", read_videomae_v2, true}, Family{"vivit", read_vivit},
    Family{"vjepa2", read_vjepa2},     Family{"timesformer", read_timesformer},       Family{"video_swin", read_video_swin}};

}  // namespace

Status read_family(const json &root, ModelDescription &m, const std::string &path) {
  const std::string type = root.contains("model_type") && root["model_type"].is_string() ? root["model_type"].get<std::string>() : "";
  for (const Family &family : kFamilies) {
    if (family.model_type != type && !(family.any_end && type.starts_with(family.model_type))) continue;
    if (auto read = family.read(root, m, path); !read || m.pyramid()) return read;
    return refuse_windows(root, path);
  }
  return unsupported(path + ": model_type \"" + type +
                     "\" is not supported; \"videomae\", \"vivit\", \"vjepa2\", \"timesformer\" and \"video_swin\" are");
}

}  // namespace sta
