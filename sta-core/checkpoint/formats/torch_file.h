// SPDX-License-Identifier: MIT
// Reading the state dict of a file that torch.save wrote (.pth, .pt, .bin, .ckpt), in both of its formats, without
// Python and without executing anything of it:
//   zip      ROOT/data.pkl, a pickle in which tensors refer to storages by key, and ROOT/data/KEY, the raw storages.
//            Tensors are views of the mapped file.
//   legacy   (before PyTorch 1.6) five pickles in a row (magic number, protocol, system, the object, the list of
//            storage keys), then the storages.
//
// The state dict is the first of these that is a dict with tensors: "model", "module" (DeepSpeed), "state_dict" (mmcv,
// mmaction2, Lightning), "model_state_dict" of the outer dict, or the outer dict itself. What else a training run left
// in the file is skipped.
#pragma once

#include "checkpoint/formats/safetensors.h"

namespace sta {

/// Tensors by name. metadata: image_size and num_frames where the file has the arguments of the training run,
/// window_size where it has an mmcv configuration. Errors: NOT_FOUND, BAD_MODEL, UNSUPPORTED; the message begins with
/// the path.
Result<TensorFile> read_torch_file(const std::string &path, const std::string &part = "");

}  // namespace sta
