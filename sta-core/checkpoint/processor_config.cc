// SPDX-License-Identifier: MIT
// See processor_config.h.
#include "checkpoint/processor_config.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "checkpoint/config_json.h"
#include "checkpoint/errors.h"

namespace sta {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string size_text(int height, int width) { return std::to_string(height) + "x" + std::to_string(width); }

// Refuses steps that exist in processors of other models and would change pixels.
Status refuse_other_steps(const json &root, const std::string &path) {
  const auto is_true = [&](const char *key) { return root.contains(key) && root[key] == true; };
  if (is_true("do_flip_channel_order")) return unsupported(path + ": do_flip_channel_order true (pictures in BGR) is not supported");
  if (is_true("do_pad")) return unsupported(path + ": do_pad true is not supported: frames fill the model's image");
  if (root.contains("do_resize") && root["do_resize"] == false)
    return unsupported(path + ": do_resize false is not supported: frames of a camera have other sizes than the model's image");
  static constexpr const char *kFilters[] = {"nearest", "Lanczos", "bilinear", "bicubic", "box", "Hamming"};
  if (root.contains("resample") && root["resample"] != 2) {
    const json &v = root["resample"];
    const bool known = v.is_number_unsigned() && v.get<uint64_t>() < std::size(kFilters);
    return unsupported(path + ": resample " + v.dump() + (known ? std::string(" (") + kFilters[v.get<size_t>()] + ")" : "") +
                       " is not supported, 2 (bilinear) is; change the number to accept bilinear resizing");
  }
  return ok();
}

// Whether this is ViViT's processor, the only one that knows an offset. Its file may leave out what is its default.
bool is_vivit(const json &root, const ModelDescription &m) {
  const json type = root.value("image_processor_type", root.value("feature_extractor_type", json(m.architecture == "vivit" ? "Vivit" : "")));
  return type.is_string() && type.get<std::string>().starts_with("Vivit");
}

// The file means (value·f - offset - mean) / std for values 0..255; the offset is 0 or 1. This converts it to values
// 0..1, which changes only the two numbers of each channel.
Status read_values(const json &root, ModelDescription &m, const std::string &path) {
  bool rescale = true, normalize = true, offset = is_vivit(root, m);
  double factor = offset ? 1 / 127.5 : 1.0 / 255;
  if (auto s = get_triple(root, "image_mean", -1000, m.mean, path); !s) return s;
  if (auto s = get_triple(root, "image_std", 1e-4, m.std, path); !s) return s;
  if (auto s = get_bool(root, "do_rescale", rescale, path); !s) return s;
  if (auto s = get_bool(root, "do_normalize", normalize, path); !s) return s;
  if (auto s = get_number(root, "rescale_factor", 256, factor, path); !s) return s;
  const bool known = offset;
  if (auto s = get_bool(root, "offset", offset, path); !s) return s;
  if (offset && !known) return unsupported(path + ": offset true (values from -1 to 1 before normalising) is not supported for this model");
  if (offset && !rescale) return bad(path + ": offset true needs do_rescale true");
  if (factor < 1e-6) return bad(path + ": rescale_factor " + std::to_string(factor) + " would make every picture black; 1/255 is usual");
  if (!normalize) {
    m.mean = {0, 0, 0};
    m.std = {1, 1, 1};
  }
  const double range = 255 * (rescale ? factor : 1.0);
  if (!offset && std::abs(range - 1) < 1e-6) return ok();  // as in published models: keep the numbers of the file exactly
  for (int c = 0; c < 3; ++c) {
    m.mean[c] = static_cast<float>((static_cast<double>(m.mean[c]) + (offset ? 1 : 0)) / range);
    m.std[c] = static_cast<float>(m.std[c] / range);
  }
  return ok();
}

Status read_sizes(const json &root, ModelDescription &m, const std::string &path) {
  bool crop = true;
  if (auto s = get_bool(root, "do_center_crop", crop, path); !s) return s;
  int h = m.height, w = m.width;
  if (root.contains("size")) {
    const json &size = root["size"];
    if (!read_size(size, h, w)) return bad(path + ": size should be a number, {shortest_edge} or {height, width}, 1 to 4096");
    const bool exact = size.is_object() && size.contains("height");
    m.short_side = std::min(h, w);
    if (exact) {
      m.squash_height = h;
      m.squash_width = w;
    }
    if (!crop && !exact)
      return unsupported(path +
                         ": do_center_crop false with size {shortest_edge} is not supported: pictures would be as long as the camera's; say size "
                         "{height, width}");
    if (!crop && (h != m.height || w != m.width))
      return bad(path + ": size " + size_text(h, w) + " without a centre crop is not the model's image size " + size_text(m.height, m.width));
    if (exact ? h < m.height || w < m.width : m.short_side < std::min(m.height, m.width))
      return bad(path + ": size " + (exact ? size_text(h, w) : std::to_string(h)) + " is smaller than the model's image " +
                 size_text(m.height, m.width));
  } else if (!crop) {
    m.squash_height = m.height;
    m.squash_width = m.width;
  }
  if (!crop || !root.contains("crop_size")) return ok();
  if (!read_size(root["crop_size"], h, w)) return bad(path + ": crop_size should be a number or {height, width}, 1 to 4096");
  if (h != m.height || w != m.width)
    return bad(path + ": crop_size " + size_text(h, w) + " is not the model's image size " + size_text(m.height, m.width));
  return ok();
}

// A video processor may say how it picks frames: some of a whole video, or so many a second.
Status read_sampling(const json &root, ModelDescription &m, const std::string &path) {
  bool sample = false;
  if (auto s = get_bool(root, "do_sample_frames", sample, path); !s) return s;
  if (!sample) return ok();
  int frames = m.num_frames;
  if (!root.value("num_frames", json()).is_null())
    if (auto s = get_size(root, "num_frames", frames, path); !s) return s;
  if (frames != m.num_frames)
    return bad(path + ": num_frames is " + std::to_string(frames) + ", but the model takes " + std::to_string(m.num_frames));
  if (root.value("fps", json()).is_null()) return ok();
  double fps = 0;
  if (auto s = get_number(root, "fps", 1001, fps, path); !s) return s;
  if (!read_spacing(json(1 / fps), m.spacing)) return bad(path + ": fps should be pictures a second, at most 1000");
  return ok();
}

Status read_one(const json &root, ModelDescription &m, const std::string &path) {
  if (auto s = refuse_other_steps(root, path); !s) return s;
  if (auto s = read_values(root, m, path); !s) return s;
  if (auto s = read_sizes(root, m, path); !s) return s;
  if (auto s = read_sampling(root, m, path); !s) return s;
  if (root.contains("sta") && root["sta"].is_object())
    if (auto s = get_bool(root["sta"], "antialias", m.antialias, path + ": sta"); !s) return s;
  return ok();
}

}  // namespace

Status read_processor(const std::string &folder, ModelDescription &m) {
  std::error_code ec;
  for (const char *name : {"preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json"}) {
    const std::string path = (fs::path(folder) / name).string();
    if (!fs::exists(path, ec)) continue;
    auto read = read_json(path);
    if (!read) return std::move(read).error();
    // Since transformers 5, one file may hold the processors for all kinds of input.
    for (const char *inner : {"video_processor", "image_processor"})
      if (read->contains(inner) && (*read)[inner].is_object()) return read_one((*read)[inner], m, path + ": " + inner);
    return read_one(*read, m, path);
  }
  // Without a file ViViT's processor does what is its default.
  return is_vivit(json::object(), m) ? read_one(json::object(), m, folder) : ok();
}

}  // namespace sta
