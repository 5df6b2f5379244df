// SPDX-License-Identifier: MIT
// The YAML file (JSON is YAML too, so cameras that come over REST are read by the same code) as typed settings. Every
// fault is found in one reading, and told with file, line and what would be right. ${NAME} in a value is replaced by
// the environment variable, so that secrets stay out of the file.
#pragma once

#include <string>
#include <vector>

#include "monitor/config/settings.h"

namespace sta::monitor {

struct ReadResult {
  Settings settings;
  std::vector<std::string> errors;  // "cameras.yaml:12: …"; empty: settings are good
};

// A file that cannot be read is one of the errors. Model names are looked up in `model_folders`, then relative to the
// folder of the file.
ReadResult readSettings(const std::string &path, const std::vector<std::string> &model_folders);

// The same from memory; `name` stands where the file name does in errors, `folder` is what relative paths start from.
ReadResult readSettingsText(const std::string &text, const std::string &name, const std::string &folder,
                            const std::vector<std::string> &model_folders);

// One camera, as REST gives it: the mapping under cameras.NAME, on top of the file's defaults. The result has this
// camera, or errors.
ReadResult readCameraText(const std::string &camera, const std::string &text, const CameraSettings &defaults, const std::string &folder,
                          const std::vector<std::string> &model_folders);

// Folders that hold installed models: those of STA_MODELS (separated by colons), then the one that STA was installed
// with.
std::vector<std::string> modelFolders();

// The file that --print-defaults prints: every key with its default and a comment.
const char *defaultsText();

}  // namespace sta::monitor
