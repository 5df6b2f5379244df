// SPDX-License-Identifier: MIT
// What stands around a model in a checkpoint: prefixes of training frameworks (model., net., student., ...), a second
// model beside it, metrics and losses. Name maps see the network alone.
//
// Which prefix wraps the network is told by its first tensor, the patch embedding. Where there are several such
// tensors, the file holds several models: one is taken, a warning says which and how to take another (MODEL#PREFIX).
// What is neither network nor classifier (train_acc.tp, criterion.weight) is left out with a warning that names it;
// what looks like a part of a network never is, since without it another function would be computed.
#pragma once

#include <string>

#include "checkpoint/names/vit_names.h"

namespace sta {

/// "file.pth#student" -> {"file.pth", "student"}. A path that exists is taken as it is, whatever characters it holds.
struct ModelPath {
  std::string path, part;
};
ModelPath split_model_path(const std::string &path);

/// The tensors of one model without their wrapper. part: which of several, "" for the usual one. Adds lines to
/// `warnings`. Errors: BAD_MODEL (no such part; its message names those that there are), UNSUPPORTED (an adapter that
/// has to be merged into its base model first).
Result<StateDict> unwrap_model(const StateDict &file, const std::string &part, std::string &warnings);

}  // namespace sta
