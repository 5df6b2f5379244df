// SPDX-License-Identifier: MIT
// Name maps of Video Swin. They read the released mmcv files, mmaction2, torchvision's swin3d_*, and files that already
// have canonical names. The canonical names are those of the official code without its prefix. For stage s, block b,
// width c = C·2^s:
//
//   patch_embed.proj.{weight [C,3,t,p,p], bias [C]}   patch_embed.norm.{weight,bias} [C]
//   layers.{s}.blocks.{b}.{norm1,norm2}.{weight,bias} [c]
//   layers.{s}.blocks.{b}.attn.qkv.{weight [3c,c], bias [3c]}   attn.proj.{weight [c,c], bias [c]}
//   layers.{s}.blocks.{b}.attn.relative_position_bias_table [rows,h]
//   layers.{s}.blocks.{b}.mlp.fc1.{weight [M,c], bias [M]}      mlp.fc2.{weight [c,M], bias [c]}
//   layers.{s}.downsample.{norm.{weight,bias} [4c], reduction.weight [2c,4c]}   all stages but the last
//   norm.{weight,bias}   cls_head.fc_cls.{weight,bias}
//
// The tensors tell everything except the window. The window comes from the metadata or from the configuration inside a
// .pth. Without these it is computed from the stored indices of relative positions (their number is the square of the
// window's tokens) together with the rows of the bias table, (2Wd-1)(2Wh-1)(2Ww-1). If there is only the table, its
// rows are enough if exactly one window with Wh = Ww > 1 has that many.
#pragma once

#include <map>
#include <string>

#include "checkpoint/names/vit_names.h"

namespace sta {

/// Whether the names belong to a Swin Transformer, in any layout.
bool is_swin(const StateDict &file);

struct SwinNames {
  StateDict weights;         // canonical names, and relative_position_index if the file has it
  bool torchvision = false;  // torchvision's names; its models were tested on frames of 256 cropped to 224
};

/// Errors: BAD_MODEL.
Result<SwinNames> swin_canonical_names(const StateDict &file);

/// Copies the geometry that the string metadata gives (window_size, layer_norm_eps, num_frames, image_size) into the
/// description. Errors: BAD_MODEL.
Status read_swin_metadata(const std::map<std::string, std::string> &metadata, ModelDescription &description);

/// Fills the dims that the weights determine. Dims that the description already has are compared instead. Finds the
/// window, checks every shape, checks that every value is finite, and removes the index buffers. Errors: BAD_MODEL,
/// UNSUPPORTED.
Status check_swin_state_dict(StateDict &weights, ModelDescription &description);

}  // namespace sta
