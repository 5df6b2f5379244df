// SPDX-License-Identifier: MIT
// Name maps of Video Swin: the released mmcv files, mmaction2, torchvision's swin3d_*, and files that were saved under
// the canonical names themselves, which are those of the official code without its prefix. Stage s, block b, width c =
// C·2^s:
//
//   patch_embed.proj.{weight [C,3,t,p,p], bias [C]}   patch_embed.norm.{weight,bias} [C]
//   layers.{s}.blocks.{b}.{norm1,norm2}.{weight,bias} [c]
//   layers.{s}.blocks.{b}.attn.qkv.{weight [3c,c], bias [3c]}   attn.proj.{weight [c,c], bias [c]}
//   layers.{s}.blocks.{b}.attn.relative_position_bias_table [rows,h]
//   layers.{s}.blocks.{b}.mlp.fc1.{weight [M,c], bias [M]}      mlp.fc2.{weight [c,M], bias [c]}
//   layers.{s}.downsample.{norm.{weight,bias} [4c], reduction.weight [2c,4c]}   all stages but the last
//   norm.{weight,bias}   cls_head.fc_cls.{weight,bias}
//
// The tensors tell everything but the window. That is told by the metadata, by the configuration inside a .pth, or by
// the stored indices of relative positions (as many as a window has tokens, squared) together with the rows of the bias
// table, (2Wd-1)(2Wh-1)(2Ww-1); where there is nothing but the table, by its rows, if only one window with Wh = Ww > 1
// has as many.
#pragma once

#include <map>
#include <string>

#include "checkpoint/names/vit_names.h"

namespace sta {

/// Whether the names are those of some Swin Transformer, in any layout.
bool is_swin(const StateDict &file);

struct SwinNames {
  StateDict weights;         // canonical names, and relative_position_index where the file has it
  bool torchvision = false;  // names of torchvision, whose models were tested on frames of 256 cropped to 224
};

/// Errors: BAD_MODEL.
Result<SwinNames> swin_canonical_names(const StateDict &file);

/// Takes what string metadata says of the geometry (window_size, layer_norm_eps, num_frames, image_size) into the
/// description. Errors: BAD_MODEL.
Status read_swin_metadata(const std::map<std::string, std::string> &metadata, ModelDescription &description);

/// Fills the dims that the weights determine, or compares where the description has them; finds the window; checks
/// every shape and that every value is finite; takes the index buffers out. Errors: BAD_MODEL, UNSUPPORTED.
Status check_swin_state_dict(StateDict &weights, ModelDescription &description);

}  // namespace sta
