// SPDX-License-Identifier: MIT
// Loading a model: a Hugging Face VideoMAE folder as it is (config.json, preprocessor_config.json, model.safetensors), or one .safetensors file in
// original names whose string metadata may carry num_heads, image_size, num_frames, tubelet_size. Both end in a ModelDescription and canonical
// weights.
//
// Two optional extensions of the JSON files, ignored by other readers:
//   config.json               "sta": {"sample_interval": "2/15"}   seconds between the frames of a window, as a fraction or decimal number
//   preprocessor_config.json  "sta": {"antialias": true}           resize with a triangle filter over all source pixels
#pragma once

#include <string>
#include <vector>

#include "checkpoint/vit_names.h"

namespace sta {

struct LoadedModel {
  ModelDescription description;
  StateDict weights;  // canonical names, on the CPU, in the file's precision
};

struct LoadOptions {
  int num_heads = 0;        // 0: from the file
  std::string labels_path;  // empty: the folder's
};

/// Errors: NOT_FOUND, BAD_MODEL, UNSUPPORTED, INVALID_ARGUMENT (a label file of the wrong length); the message names the file.
Result<LoadedModel> load_model(const std::string &path, const LoadOptions &options);

/// Only the description: config.json of a folder (weights are not read). Errors as load_model.
Result<ModelDescription> read_config(const std::string &folder, const LoadOptions &options);

/// One label a line; "\r\n" and one trailing empty line are accepted. Errors: NOT_FOUND, BAD_MODEL (an empty line, invalid UTF-8).
Result<std::vector<std::string>> read_labels(const std::string &path);

}  // namespace sta
