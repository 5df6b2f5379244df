// SPDX-License-Identifier: MIT
// Multiply-adds of one clip, counted as the paper's tool counts: 1 multiply-add = 1, LayerNorm 5 per element; softmax, GELU, sorting and gathers not
// counted.
#pragma once

#include "model/description.h"
#include "sta/sta.h"

namespace sta {

/// drop_number must be legal for the model (0 = dense). struct_size is left alone.
void count_flops(const ModelDescription &description, int drop_number, sta_flops &flops);

/// Description of "vit_small", "vit_base", "vit_large", "vit_huge" (VideoMAE, 16 x 224 x 224, 400 classes). False if there is no such name.
bool describe_arch(const std::string &name, ModelDescription &description);

}  // namespace sta
