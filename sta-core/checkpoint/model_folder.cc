// SPDX-License-Identifier: MIT
// See model_folder.h.
#include "checkpoint/model_folder.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <tuple>

#include "checkpoint/config_json.h"
#include "checkpoint/errors.h"
#include "checkpoint/family_config.h"
#include "checkpoint/formats/file_kind.h"
#include "checkpoint/formats/weight_files.h"
#include "checkpoint/labels/builtin_labels.h"
#include "checkpoint/labels/label_file.h"
#include "checkpoint/names/hugging_face_names.h"
#include "checkpoint/names/swin_names.h"
#include "checkpoint/names/wrappers.h"
#include "checkpoint/processor_config.h"

namespace sta {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

Status read_label_map(const json &root, ModelDescription &m, const std::string &path) {
  int count = m.num_classes;
  if (auto s = get_size(root, "num_labels", count, path); !s) return s;
  m.num_classes = count;
  if (!root.contains("id2label")) return ok();
  const json &map = root["id2label"];
  if (!map.is_object() || map.empty()) return bad(path + ": id2label should be an object of class numbers and names");
  m.num_classes = static_cast<int>(map.size());
  if (count > 0 && count != m.num_classes)
    return bad(path + ": num_labels is " + std::to_string(count) + ", but id2label names " + std::to_string(m.num_classes) + " classes");
  m.labels.assign(map.size(), "");
  for (const auto &[key, value] : map.items()) {
    char *end = nullptr;
    const unsigned long id = std::strtoul(key.c_str(), &end, 10);
    if (key.empty() || *end != 0 || id >= map.size() || !value.is_string())
      return bad(path + ": id2label entry \"" + key + "\" should be a class number below " + std::to_string(map.size()) + " with a name");
    m.labels[id] = value.get<std::string>();
  }
  return ok();
}

// Reads whether classes exclude each other. A regression model has no classes at all and is refused.
Status read_problem_type(const json &root, ModelDescription &m, const std::string &path) {
  const json type = root.value("problem_type", json(nullptr));
  if (type == "regression") return Error{STA_ERROR_UNSUPPORTED, path + ": problem_type \"regression\" is not supported, a classifier is needed"};
  if (!type.is_null() && type != "single_label_classification" && type != "multi_label_classification")
    return bad(path + ": problem_type " + type.dump() + " should be \"single_label_classification\" or \"multi_label_classification\"");
  m.multi_label = type == "multi_label_classification";
  return ok();
}

// "sta": {"background": "steady", "events": {"enter_threshold": 0.35, ...}}: the best settings for watching events with
// this model. The labels must be known before.
Status read_event_hints(const json &root, ModelDescription &m, const std::string &path) {
  if (!root.contains("sta") || !root["sta"].is_object()) return ok();
  const json &sta = root["sta"];
  EventHints &hints = m.events;
  if (sta.contains("background")) {
    const auto label =
        sta["background"].is_string() ? std::find(m.labels.begin(), m.labels.end(), sta["background"].get<std::string>()) : m.labels.end();
    if (label == m.labels.end()) return bad(path + ": sta.background " + sta["background"].dump() + " should be one of the labels of id2label");
    hints.background = static_cast<int>(label - m.labels.begin());
  }
  if (!sta.contains("events")) return ok();
  const json &events = sta["events"];
  const std::string where = path + ": sta.events";
  if (!events.is_object()) return bad(where + " should be an object");
  for (const auto &[key, value] : events.items())
    if (key != "smoothing" && key != "enter_threshold" && key != "exit_threshold" && key != "min_duration" && key != "release_duration")
      return bad(where + " has the key \"" + key + "\"; smoothing, enter_threshold, exit_threshold, min_duration and release_duration are known");
  if (auto s = get_size(events, "smoothing", hints.smoothing, where); !s) return s;
  if (hints.smoothing > 1000) return bad(where + ": smoothing should be 1 to 1000 windows");
  for (const auto &[key, most, value] : {std::tuple{"enter_threshold", 1.0, &hints.enter_threshold},
                                         {"exit_threshold", 1.0, &hints.exit_threshold},
                                         {"min_duration", 3600.0, &hints.min_duration},
                                         {"release_duration", 3600.0, &hints.release_duration}})
    if (auto s = get_share(events, key, most, *value, where); !s) return s;
  if (hints.enter_threshold >= 0 && hints.exit_threshold > hints.enter_threshold)
    return bad(where + ": exit_threshold should be at most enter_threshold");
  return ok();
}

Status check_size(const ModelDescription &m, const std::string &path) {
  if (m.num_frames > 1024 || m.height > 4096 || m.width > 4096 || int64_t{m.steps()} * m.step_tokens() > 200'000)
    return bad(path + ": " + std::to_string(m.num_frames) + " frames of " + std::to_string(m.height) + "x" + std::to_string(m.width) +
               " are more tokens than the 200000 that this library handles");
  return ok();
}

// Checks that heads, frames and image fit each other. It runs for every model, once everything is known.
Status check_geometry(ModelDescription &m, const std::string &path) {
  if (m.architecture == "video_swin") return check_size(m, path);  // any size will do: what does not divide is padded
  if (m.architecture == "videomae" && m.embed_dim == 384 && m.num_heads == 16) {
    // The published conversions of ViT-S say 16, but the model was trained with 6. With 16 it runs, but reaches half
    // the score.
    m.num_heads = 6;
    m.warnings += "num_attention_heads 16 for an embedding width of 384 is a known mistake of published files; 6 is used\n";
  }
  if (m.num_heads == 0 && m.embed_dim % 64 == 0) m.num_heads = m.embed_dim == 1280 || m.embed_dim == 1408 ? 16 : m.embed_dim / 64;
  if (m.num_heads == 0)
    return bad(path + ": the number of attention heads cannot be read from the weights (width " + std::to_string(m.embed_dim) + "): give num-heads");
  if (m.embed_dim % m.num_heads != 0)
    return bad(path + ": " + std::to_string(m.num_heads) + " attention heads do not divide the embedding width " + std::to_string(m.embed_dim));
  if (m.num_frames % m.tubelet != 0)
    return bad(path + ": " + std::to_string(m.num_frames) + " frames are not a multiple of the tubelet size " + std::to_string(m.tubelet));
  if (m.height % m.patch != 0 || m.width % m.patch != 0)
    return bad(path + ": image size " + std::to_string(m.height) + "x" + std::to_string(m.width) + " is not a multiple of the patch size " +
               std::to_string(m.patch));
  return check_size(m, path);
}

// Whether these are the labels that transformers writes into a config.json when nobody gave names.
bool are_placeholders(const std::vector<std::string> &labels) {
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] != "LABEL_" + std::to_string(i)) return false;
  return true;
}

void apply_overrides(ModelDescription &m, const LoadOptions &options) {
  if (options.num_heads > 0) m.num_heads = options.num_heads;
  if (options.num_frames > 0) m.num_frames = options.num_frames;
  if (options.image_size > 0) {
    m.height = options.image_size;
    m.width = options.image_width > 0 ? options.image_width : options.image_size;
    m.short_side = std::min(m.height, m.width);
    if (m.squash_height > 0) {
      m.squash_height = m.height;
      m.squash_width = m.width;
    }
  }
}

Status apply_labels(ModelDescription &m, const LoadOptions &options) {
  if (!options.labels_path.empty()) {
    auto file = read_label_file(options.labels_path);
    if (!file) return std::move(file).error();
    if (static_cast<int>(file->labels.size()) != m.num_classes)
      return Error{STA_ERROR_INVALID_ARGUMENT, options.labels_path + ": has " + std::to_string(file->labels.size()) + " labels (taken for " +
                                                   file->form + "), but the model has " + std::to_string(m.num_classes) + " classes"};
    m.labels = std::move(file->labels);
    return ok();
  }
  if (!are_placeholders(m.labels)) return ok();
  m.labels.clear();
  if (auto list = builtin_labels(m.num_classes)) {
    m.labels = std::move(list->labels);
    m.warnings += "the model names no labels; its " + std::to_string(m.num_classes) + " classes are taken for those of " + list->data_set + "\n";
  }
  if (m.labels.empty())
    for (int i = 0; i < m.num_classes; ++i) m.labels.push_back("class " + std::to_string(i));
  return ok();
}

// Describes what the file itself says beside the weights. The image is 0 x 0 if the file does not give its size.
ModelDescription describe_file(const TensorFile &file) {
  ModelDescription m;
  m.tubelet = m.patch = 0;  // from the weights
  m.height = m.width = 0;
  auto number = [&](const char *key, int &value) {
    const auto it = file.metadata.find(key);
    if (it != file.metadata.end() && std::atoi(it->second.c_str()) > 0) value = std::atoi(it->second.c_str());
  };
  number("image_size", m.height);
  number("num_frames", m.num_frames);
  number("num_heads", m.num_heads);
  m.width = m.height;
  if (m.height > 0) m.short_side = m.height;
  return m;
}

// Finds the size of the image. If a position table is stored, its length tells the size. Otherwise the image has the
// size of all published models, 224.
Status settle_image(ModelDescription &m, const StateDict &weights) {
  if (m.height == 0) {
    m.height = m.width = 224;
    if (const int tokens = position_table_tokens(weights); tokens > 0 && m.num_frames >= m.tubelet) {
      const int side = static_cast<int>(std::lround(std::sqrt(tokens / m.steps())));
      if (side * side * m.steps() != tokens)
        return bad("a position table of " + std::to_string(tokens) + " tokens fits no square image of " + std::to_string(m.num_frames) + " frames");
      m.height = m.width = side * m.patch;
    }
    m.short_side = m.height;
  }
  if (m.height > 4096) return bad("image size " + std::to_string(m.height) + " is beyond what this library handles");
  return ok();
}

std::string base_name(const std::string &path) {
  fs::path p = fs::path(path).lexically_normal();
  if (p.filename().empty()) p = p.parent_path();
  for (const char *extension : {".safetensors", ".pth", ".pt", ".bin", ".ckpt"})
    if (p.extension() == extension) return p.stem().string();
  return p.filename().string();
}

// Moves a file's tensors into the model under canonical names, and describes what the tensors and the file's notes
// tell. Messages do not contain the file's name. The file's own tensors are released first. So tensors that were joined
// from several are not in memory twice during the checks.
Status take_vit(TensorFile &file, bool folder, const LoadOptions &options, LoadedModel &model) {
  ModelDescription &m = model.description;
  if (!folder) {
    m = describe_file(file);
    apply_overrides(m, options);
  }
  const bool other = folder && is_hugging_face_family(m.architecture);
  if (const std::string family = family_of_names(file.tensors); !folder && !family.empty())
    return unsupported("the weights of a " + family_name(family) + " alone do not tell its heads and frames: give its folder, with config.json");
  auto weights = other ? canonical_from_hugging_face(file.tensors, m) : canonical_names(file.tensors, m.qkv_bias);
  if (!weights) return std::move(weights).error();
  model.weights = *std::move(weights);
  file.tensors.clear();
  if (!other) settle_pooling(model.weights, m, folder);
  if (auto s = check_state_dict(model.weights, m); !s) return s;
  return settle_image(m, model.weights);
}

Status take_swin(TensorFile &file, bool folder, const LoadOptions &options, LoadedModel &model) {
  ModelDescription &m = model.description;
  auto names = swin_canonical_names(file.tensors);
  if (!names) return std::move(names).error();
  if (!folder) {
    m = ModelDescription();
    describe_swin_defaults(m);
    m.tubelet = m.patch = 0;  // from the weights
    m.height = 224;
    if (auto s = read_swin_metadata(file.metadata, m); !s) return s;
    apply_overrides(m, options);
    // torchvision resizes frames to 256 and tests its models on the middle. The others are tested on frames as large as
    // the image.
    m.short_side = names->torchvision ? (m.height * 256 + 112) / 224 : m.height;
  }
  model.weights = std::move(names->weights);
  file.tensors.clear();
  return check_swin_state_dict(model.weights, m);
}

// Keeps the one model of a file that the caller asks for, under plain names. Notes about what was taken and left out
// end up in the description's warnings.
Status take_part(TensorFile &file, const std::string &part, std::string &warnings) {
  const auto note = [&](const char *key) {
    const auto it = file.metadata.find(key);
    return it == file.metadata.end() ? std::string() : it->second;
  };
  const std::string entry = note("sta.part"), entries = note("sta.parts");
  // A part is either an entry of the file or a prefix of the names in it.
  const bool is_entry = !part.empty() && entry == part;
  if (!entries.empty() && part.empty())
    warnings += "the file holds several state dicts (" + entries + "); " + entry + " was taken, FILE#ENTRY takes another\n";
  auto model = unwrap_model(file.tensors, is_entry ? "" : part, warnings);
  if (!model) {
    if (!part.empty() && !is_entry && !entries.empty())
      return Error{model.error().status, model.error().message + "; its state dicts are " + entries};
    return std::move(model).error();
  }
  file.tensors = *std::move(model);
  return ok();
}

}  // namespace

Result<ModelDescription> read_config(const std::string &folder, const LoadOptions &options) {
  const std::string path = (fs::path(folder) / "config.json").string();
  auto read = read_json(path);
  if (!read) return std::move(read).error();
  const json &root = *read;
  ModelDescription m;
  m.path = folder;
  m.name = base_name(folder);
  if (auto s = read_family(root, m, path); !s) return std::move(s).error();
  if (auto s = read_label_map(root, m, path); !s) return std::move(s).error();
  if (auto s = read_problem_type(root, m, path); !s) return std::move(s).error();
  if (auto s = read_event_hints(root, m, path); !s) return std::move(s).error();
  if (root.contains("sta") && root["sta"].is_object())
    if (auto s = get_number(root["sta"], "fc_norm_eps", 1, m.fc_norm_eps, path); !s) return std::move(s).error();
  if (root.contains("sta") && root["sta"].is_object()) {
    double threshold = 0;
    if (auto s = get_share(root["sta"], "still_threshold", 10, threshold, path); !s) return std::move(s).error();
    if (threshold > 0 && !m.joint())
      return bad(path + ": sta.still_threshold should be 0: a " + std::string(m.pyramid() ? "Video Swin" : "TimeSformer") + " needs whole windows");
    m.still_threshold = static_cast<float>(threshold);
  }
  if (auto s = read_processor(folder, m); !s) return std::move(s).error();
  if (root.contains("sta") && root["sta"].is_object() && root["sta"].contains("sample_interval") &&
      !read_spacing(root["sta"]["sample_interval"], m.spacing))
    return bad(path + ": sta.sample_interval should be seconds, as \"2/15\" or a number, 0.001 to 3600");
  apply_overrides(m, options);
  if (auto s = check_geometry(m, path); !s) return std::move(s).error();
  return m;
}

Result<LoadedModel> load_model(const std::string &given, const LoadOptions &options) {
  const auto [path, part] = split_model_path(given);
  if (auto s = check_file_kind(path); !s) return s.error();
  std::error_code ec;
  LoadedModel model;
  std::string file_path = path;
  const bool folder = fs::is_directory(path, ec);
  if (folder) {
    if (!find_weights(path))
      if (const auto other = foreign_folder(path)) return unsupported(path + ": " + *other);
    auto config = read_config(path, options);
    if (!config) return std::move(config).error();
    model.description = *std::move(config);
    auto found = find_weights(path);
    if (!found) return std::move(found).error();
    file_path = *std::move(found);
  }
  auto file = read_weights(file_path, part);
  if (!file) return std::move(file).error();
  std::string notes;
  if (auto s = take_part(*file, part, notes); !s) return Error{s.error().status, file_path + ": " + s.error().message};
  const bool swin = folder ? model.description.architecture == "video_swin" : is_swin(file->tensors);
  const Status taken = swin ? take_swin(*file, folder, options, model) : take_vit(*file, folder, options, model);
  if (!taken) return Error{taken.error().status, file_path + ": " + taken.error().message};
  model.description.path = given;
  model.description.name = base_name(path) + (part.empty() ? "" : "#" + part);
  model.description.warnings += notes;
  if (auto s = check_geometry(model.description, file_path); !s) return std::move(s).error();
  if (auto s = drop_position_table(model.weights, model.description); !s) return Error{s.error().status, file_path + ": " + s.error().message};
  if (auto s = apply_labels(model.description, options); !s) return std::move(s).error();
  return model;
}

}  // namespace sta
