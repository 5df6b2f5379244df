// SPDX-License-Identifier: MIT
// Which file or files hold the weights of a model, and reading them whatever their format: .safetensors, one or in
// shards with an index, or what torch.save wrote.
#pragma once

#include "checkpoint/formats/safetensors.h"

namespace sta {

/// The file of a model folder that is read first: model.safetensors, model.safetensors.index.json, pytorch_model.bin or
/// pytorch_model.bin.index.json, in this order. Errors: NOT_FOUND.
Result<std::string> find_weights(const std::string &folder);

/// Reads a weights file or, if the name ends in .index.json, the shards that it lists. Errors as read_safetensors and
/// read_torch_file. part: which of several state dicts of a file of torch.save, "" for the usual one; other files
/// ignore it. The metadata key "sta.part" then holds what was taken by that name, "sta.parts" the names of all if there
/// are several.
Result<TensorFile> read_weights(const std::string &path, const std::string &part = "");

}  // namespace sta
