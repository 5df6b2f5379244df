// SPDX-License-Identifier: MIT
// Reads the state dict of a file that torch.save wrote (.pth, .pt, .bin, .ckpt). It needs no Python and executes
// nothing of the file. It knows both formats:
//   zip      ROOT/data.pkl, a pickle in which tensors refer to storages by key, and ROOT/data/KEY, the raw storages.
//            Tensors are views of the mapped file.
//   legacy   (before PyTorch 1.6) five pickles in a row (magic number, protocol, system, the object, the list of
//            storage keys), then the storages.
//
// The state dict is the first entry of the outer dict that is itself a dict with tensors. The entries are tried in this
// order: "model", "module" (DeepSpeed), "state_dict" (mmcv, mmaction2, Lightning), "model_state_dict", "model_state";
// then moving averages ("model_ema", ...), "teacher", "student". If there is none, it is the outer dict itself. Other
// things that a training run left in the file are skipped.
#pragma once

#include "checkpoint/formats/safetensors.h"

namespace sta {

/// Returns tensors by name. part: the entry to take, "" for the first one. metadata: image_size and num_frames if the
/// file has the arguments of the training run, window_size if it has an mmcv configuration. Errors: NOT_FOUND,
/// BAD_MODEL, UNSUPPORTED; the message begins with the path.
Result<TensorFile> read_torch_file(const std::string &path, const std::string &part = "");

}  // namespace sta
