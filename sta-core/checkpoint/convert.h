// SPDX-License-Identifier: MIT
// Writing a model, loaded from whatever layout, as the canonical one: a Hugging Face VideoMAE folder with config.json,
// preprocessor_config.json and model.safetensors, which names its labels, maps straight into memory and needs no
// options to be read. A Video Swin becomes a folder of the same files with the keys of the official configurations and
// the canonical names of swin_names.h.
#pragma once

#include <string>

#include "checkpoint/model_folder.h"

namespace sta {

/// Makes the folder. Errors: INVALID_ARGUMENT if it already holds one of the three files, NOT_FOUND if it cannot be
/// written.
Status write_model_folder(const LoadedModel &model, const std::string &folder);

}  // namespace sta
