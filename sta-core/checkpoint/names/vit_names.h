// SPDX-License-Identifier: MIT
// Name maps of the VideoMAE ViT. Files have several layouts, but the model is built from one canonical set of names.
// These are the original names with one difference: attn.qkv.bias [3C] replaces q_bias, (zero,) v_bias.
//
//   patch_embed.proj.{weight [C,3,t,p,p], bias [C]}
//   blocks.{i}.norm1.{weight,bias} [C]
//   blocks.{i}.attn.qkv.{weight [3C,C], bias [3C]}   blocks.{i}.attn.proj.{weight [C,C], bias [C]}
//   blocks.{i}.norm2.{weight,bias} [C]
//   blocks.{i}.mlp.fc1.{weight [M,C], bias [M]}      blocks.{i}.mlp.fc2.{weight [C,M], bias [C]}
//   fc_norm.{weight,bias} [C]            head.{weight [n,C], bias [n]}
//   norm.{weight,bias} [C] in place of fc_norm if the head reads token 0 instead of the mean over all tokens
//
// hugging_face_names.h lists what other families have beside these.
//
// A missing bias is an error and is never replaced by zero. A converter once zeroed the q and v biases silently, and
// its users lost half the accuracy. An unknown tensor is an error too: without it the model would compute another
// function than the trained one.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "model/description.h"
#include "result.h"

namespace sta {

using StateDict = std::map<std::string, at::Tensor>;

/// Removes `prefix` from the front of a tensor's name. False if the name does not begin with it; the name is unchanged
/// then.
bool strip_prefix(std::string &name, const std::string &prefix);

/// Renames the tensors of an original, DeepSpeed, Hugging Face or mmaction2 file to canonical names and joins the qkv
/// biases. qkv_bias false: the model's configuration says that there are no qkv biases, so zeros are right. Errors:
/// BAD_MODEL, UNSUPPORTED.
Result<StateDict> canonical_names(const StateDict &file, bool qkv_bias = true);
/// Finds out what the head reads: the mean over all tokens (fc_norm) or token 0 (norm). known: the configuration has
/// already told it; otherwise the tensors tell it. If a file has norm beside fc_norm, norm is not used, as in the
/// original code. It is left out with a warning.
void settle_pooling(StateDict &canonical, ModelDescription &description, bool known);

/// The canonical names and shapes of a network of these parts and dims: plain ViTs and TimeSformer.
std::map<std::string, std::vector<int64_t>> vit_shapes(const ModelDescription &description);

/// Fills the dims that the weights determine: embed_dim, depth, mlp_dim, num_classes, tubelet, patch. Dims that the
/// description already has from a config.json are compared instead. Then checks every shape, and that every value is
/// finite. Errors: BAD_MODEL, UNSUPPORTED.
Status check_state_dict(const StateDict &canonical, ModelDescription &description);

/// Number of tokens in the stored position table, 0 if there is none. Some layouts store this constant table; its
/// length tells the number of tokens and so the size of the image.
int position_table_tokens(const StateDict &canonical);

/// Compares a stored position table with the one that the model computes, and removes it from the weights. Errors:
/// BAD_MODEL, UNSUPPORTED (learned).
Status drop_position_table(StateDict &canonical, const ModelDescription &description);

}  // namespace sta
