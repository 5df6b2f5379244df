// SPDX-License-Identifier: MIT
// Counts the multiply-adds of one clip in the same way as the paper's tool: a multiply-add is 1, LayerNorm is 5 per
// element; softmax, GELU, sorting and gathers are not counted. Patch merging of Video Swin counts as patch embedding.
#pragma once

#include <string>

#include "model/description.h"
#include "sta/sta.h"

namespace sta {

/// drop_number must be legal for the model (0 = dense). struct_size is not changed.
void count_flops(const ModelDescription &description, int drop_number, sta_flops &flops);

/// Fills the description of "vit_small", "vit_base", "vit_large", "vit_huge" (VideoMAE, 16 x 224 x 224, 400 classes) or
/// "video_swin_tiny", "video_swin_small", "video_swin_base" (32 x 224 x 224, windows 8 x 7 x 7, 400 classes),
/// "video_swin_base_w16" (windows 16 x 7 x 7, 174 classes: the model of Something-Something V2). False if there is no
/// such name.
bool describe_arch(const std::string &name, ModelDescription &description);

/// The same names as text for messages: "a, b or c".
std::string arch_names();

}  // namespace sta
