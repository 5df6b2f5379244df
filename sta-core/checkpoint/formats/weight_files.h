// SPDX-License-Identifier: MIT
// Finds the file or files that hold a model's weights, and reads them in any format: .safetensors as one file or as
// shards with an index, or files of torch.save.
#pragma once

#include "checkpoint/formats/safetensors.h"

namespace sta {

/// The file of a model folder that is read first: model.safetensors, model.safetensors.index.json, pytorch_model.bin or
/// pytorch_model.bin.index.json, in this order. Errors: NOT_FOUND.
Result<std::string> find_weights(const std::string &folder);

/// Reads a weights file or, if the name ends in .index.json, the shards that it lists. Errors as read_safetensors and
/// read_torch_file. part: which of several state dicts to take from a file of torch.save, "" for the usual one; other
/// formats ignore it. The metadata key "sta.part" then holds the name of the one that was taken, and "sta.parts" all
/// names if there are several.
Result<TensorFile> read_weights(const std::string &path, const std::string &part = "");

}  // namespace sta
