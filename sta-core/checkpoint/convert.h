// SPDX-License-Identifier: MIT
// Writes a loaded model in one canonical form, whatever layout it came from. The form is a Hugging Face VideoMAE folder
// with config.json, preprocessor_config.json and model.safetensors. It names its labels, maps straight into memory and
// needs no options to be read. A ViViT, V-JEPA 2 or TimeSformer becomes a folder of its own family. A Video Swin
// becomes a folder of the same files; its keys are those of the official configurations and its tensors have the
// canonical names of swin_names.h.
#pragma once

#include <string>

#include "checkpoint/model_folder.h"

namespace sta {

/// Makes the folder and writes the files. Errors: INVALID_ARGUMENT if the folder already holds one of the three files,
/// NOT_FOUND if it cannot be written.
Status write_model_folder(const LoadedModel &model, const std::string &folder);

}  // namespace sta
