// SPDX-License-Identifier: MIT
// Counts the multiply-adds of one clip in the same way as the paper's tool: a multiply-add is 1, LayerNorm is 5 per
// element; softmax, GELU, rotations, sorting and gathers are not counted. Patch merging of Video Swin counts as patch
// embedding, and the pooler of V-JEPA 2 counts where its parts belong.
#pragma once

#include <string>

#include "model/description.h"
#include "sta/sta.h"

namespace sta {

/// drop_number must be legal for the model (0 = dense). tokens: that enter the first block, n_s to L, those beyond the
/// first step spread evenly over the others; 0: all of them. struct_size is not changed.
void count_flops(const ModelDescription &description, int drop_number, sta_flops &flops, int tokens = 0);

/// Fills the description of
///   "vit_small", "vit_base", "vit_large", "vit_huge"             VideoMAE, 16 x 224 x 224, 400 classes
///   "vivit_base"                                                 ViViT, 32 x 224 x 224, 400 classes
///   "vjepa2_large", "vjepa2_huge", "vjepa2_giant"                V-JEPA 2, 16 x 256 x 256, 174 classes
///   "video_swin_tiny", "video_swin_small", "video_swin_base"     32 x 224 x 224, windows 8 x 7 x 7, 400 classes
///   "video_swin_base_w16"                                        windows 16 x 7 x 7, 174 classes
/// 174 are the classes of Something-Something V2. False if there is no such name.
bool describe_arch(const std::string &name, ModelDescription &description);

/// The same names as text for messages: "a, b or c".
std::string arch_names();

}  // namespace sta
