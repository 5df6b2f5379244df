// SPDX-License-Identifier: MIT
// Loads a model into a ModelDescription and canonical weights. It reads every form in which models are distributed:
// VideoMAE
//   - a Hugging Face folder as it is: config.json, preprocessor_config.json, and model.safetensors, pytorch_model.bin
//     or shards of either; VideoMAE v2 folders with code of their own too
//   - one .safetensors file; its string metadata may hold num_heads, image_size, num_frames
//   - one file written by torch.save (.pth, .pt, .bin, .ckpt): VideoMAE, VideoMAE v2, DeepSpeed, mmaction2
// ViViT, V-JEPA 2, TimeSformer
//   - a Hugging Face folder as it is
// Video Swin
//   - a folder with a config.json. Its model_type is "video_swin", its other keys are those of the official
//     configurations (convert.h)
//   - one file of torch.save or one .safetensors file: mmcv, mmaction2, torchvision, canonical names (swin_names.h)
// In a single file the shapes of the tensors tell the dims. They do not tell everything, so there are defaults: heads
// are 64 wide (16 heads for widths 1280 and 1408), a clip has 16 frames (Video Swin: 32), and the image has the size
// that a stored position table gives, else 224. LoadOptions overrides each of them.
//
// Labels come from the first of these that exists: a file of the user; id2label of the config.json; a built-in list,
// with a warning, if a known data set has this number of classes; the names "class N".
//
// The JSON files may have these extensions, which other readers ignore:
//   config.json               "sta": {"sample_interval": "2/15"}   seconds between the frames of a window, as a
//                                                                  fraction or a decimal number
//                             "sta": {"fc_norm_eps": 1e-6}         epsilon of the LayerNorm before the head, if it is
//                                                                  not 1e-5
//                             "sta": {"background": "steady",      the class of the normal state, which is no event
//                                     "events": {...}}             the best settings for its events: enter_threshold,
//                                                                  exit_threshold, min_duration, release_duration (in
//                                                                  seconds), smoothing (in windows)
//   preprocessor_config.json  "sta": {"antialias": true}           resize with a triangle filter over all source pixels
#pragma once

#include <string>

#include "checkpoint/names/vit_names.h"

namespace sta {

struct LoadedModel {
  ModelDescription description;
  StateDict weights;  // canonical names, on the CPU, in the file's precision
};

struct LoadOptions {
  int num_heads = 0;        // 0: from the file
  std::string labels_path;  // empty: see above
  int image_size = 0;       // height in pixels; 0: from the file
  int num_frames = 0;       // 0: from the file
  int image_width = 0;      // pixels, beside image_size; 0: the same (square)
};

/// Errors: NOT_FOUND, BAD_MODEL, UNSUPPORTED, INVALID_ARGUMENT (a label file of the wrong length); the message names
/// the file.
Result<LoadedModel> load_model(const std::string &path, const LoadOptions &options);

/// Only the description: config.json of a folder (weights are not read). Errors as load_model.
Result<ModelDescription> read_config(const std::string &folder, const LoadOptions &options);

}  // namespace sta
