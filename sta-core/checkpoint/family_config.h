// SPDX-License-Identifier: MIT
// Reads what the config.json of each family of models says about its network: one function for each model_type. What
// all families have in common (labels, the section "sta") is read in model_folder.cc.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "model/description.h"
#include "result.h"

namespace sta {

/// Fills the network's fields of the description: its parts, dims, frames, image size, the usual time between frames.
/// Families: "videomae", "VideoMAEv2_*", "vivit", "vjepa2", "timesformer", "video_swin". Errors: BAD_MODEL (a value
/// that cannot be right), UNSUPPORTED (another model_type, or a variant that this library does not have). The message begins
/// with the path.
Status read_family(const nlohmann::json &root, ModelDescription &description, const std::string &path);

}  // namespace sta
