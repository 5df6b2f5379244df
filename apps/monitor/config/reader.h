// SPDX-License-Identifier: MIT
// Reads the YAML file into typed settings. JSON is YAML too, so the same code reads cameras that come over REST. One
// reading finds all faults, and reports each with file, line and what would be right. ${NAME} in a value is replaced by
// the environment variable, so that secrets stay out of the file.
#pragma once

#include <string>
#include <vector>

#include "monitor/config/settings.h"

namespace sta::monitor {

struct ReadResult {
  Settings settings;
  std::vector<std::string> errors;  // "cameras.yaml:12: …"; empty: the settings are good
};

// If the file cannot be read, that is one of the errors. Model names are looked up in `model_folders`, then relative to
// the folder of the file.
ReadResult readSettings(const std::string &path, const std::vector<std::string> &model_folders);

// The same from memory. `name` takes the place of the file name in errors; relative paths start from `folder`.
ReadResult readSettingsText(const std::string &text, const std::string &name, const std::string &folder,
                            const std::vector<std::string> &model_folders);

// Reads one camera as REST gives it: the mapping under cameras.NAME, on top of the file's defaults. The result has this
// camera, or errors.
ReadResult readCameraText(const std::string &camera, const std::string &text, const CameraSettings &defaults, const std::string &folder,
                          const std::vector<std::string> &model_folders);

// Folders of installed models: those in STA_MODELS (separated by colons), then the one that was installed with STA.
std::vector<std::string> modelFolders();

// The file that --print-defaults prints: every key with its default and a comment.
const char *defaultsText();

}  // namespace sta::monitor
