// SPDX-License-Identifier: MIT
// Writing a model, loaded from whatever layout, as the canonical one: a Hugging Face VideoMAE folder with config.json, preprocessor_config.json and
// model.safetensors, which names its labels, maps straight into memory and needs no options to be read.
#pragma once

#include <string>

#include "checkpoint/model_folder.h"

namespace sta {

/// Makes the folder. Errors: INVALID_ARGUMENT if it already holds one of the three files, NOT_FOUND if it cannot be written.
Status write_model_folder(const LoadedModel &model, const std::string &folder);

}  // namespace sta
