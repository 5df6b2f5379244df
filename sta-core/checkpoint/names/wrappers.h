// SPDX-License-Identifier: MIT
// Removes what surrounds a model in a checkpoint: prefixes of training frameworks (model., net., student., ...), a
// second model beside it, metrics and losses. After that the name maps see the network alone.
//
// The network's first tensor, the patch embedding, tells which prefix wraps the network. If there are several such
// tensors, the file holds several models. Then one of them is taken, and a warning says which one and how to take
// another (MODEL#PREFIX). A tensor that belongs neither to the network nor to the classifier (train_acc.tp,
// criterion.weight) is left out, and a warning names it. A tensor that looks like a part of a network is never left
// out, because without it another function would be computed.
#pragma once

#include <string>

#include "checkpoint/names/vit_names.h"

namespace sta {

/// "file.pth#student" -> {"file.pth", "student"}. A path that exists is taken as it is, even if it contains #.
struct ModelPath {
  std::string path, part;
};
ModelPath split_model_path(const std::string &path);

/// Returns the tensors of one model without their wrapper. part: which of several models, "" for the usual one. Adds
/// lines to `warnings`. Errors: BAD_MODEL (no such part; the message names the existing ones), UNSUPPORTED (an adapter,
/// which must be merged into its base model first).
Result<StateDict> unwrap_model(const StateDict &file, const std::string &part, std::string &warnings);

}  // namespace sta
