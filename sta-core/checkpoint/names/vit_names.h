// SPDX-License-Identifier: MIT
// Name maps of the VideoMAE ViT: whatever layout a file has, the model is built from one canonical set of names, the
// original ones, with one difference: attn.qkv.bias [3C] in place of q_bias, (zero,) v_bias.
//
//   patch_embed.proj.{weight [C,3,t,p,p], bias [C]}
//   blocks.{i}.norm1.{weight,bias} [C]
//   blocks.{i}.attn.qkv.{weight [3C,C], bias [3C]}   blocks.{i}.attn.proj.{weight [C,C], bias [C]}
//   blocks.{i}.norm2.{weight,bias} [C]
//   blocks.{i}.mlp.fc1.{weight [M,C], bias [M]}      blocks.{i}.mlp.fc2.{weight [C,M], bias [C]}
//   fc_norm.{weight,bias} [C]            head.{weight [n,C], bias [n]}
//   norm.{weight,bias} [C] in place of fc_norm where the head reads token 0 instead of the mean over all tokens
//
// A missing bias is an error, never zero: a converter once zeroed the q and v biases silently and cost its users half
// the accuracy. A tensor that the model does not know is an error too: ignoring it would compute another function than
// the one that was trained.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "model/description.h"
#include "result.h"

namespace sta {

using StateDict = std::map<std::string, at::Tensor>;

/// Takes `prefix` off the front of a tensor's name. False, and nothing changed, if the name does not begin so.
bool strip_prefix(std::string &name, const std::string &prefix);

/// Renames the tensors of an original, DeepSpeed, Hugging Face or mmaction2 file to canonical names and joins the qkv
/// biases. qkv_bias false: the model's configuration says that there are none, and zeros are right. Errors: BAD_MODEL,
/// UNSUPPORTED.
Result<StateDict> canonical_names(const StateDict &file, bool qkv_bias = true);
/// What the head reads: the mean over all tokens (fc_norm) or token 0 (norm). known: a configuration has said it,
/// otherwise the tensors do. A norm that stands beside fc_norm takes no part in the computation, as in the original
/// code: it is left out with a warning.
void settle_pooling(StateDict &canonical, ModelDescription &description, bool known);

/// Fills the dims of the description that the weights determine (embed_dim, depth, mlp_dim, num_classes, tubelet,
/// patch), or, where the description has them already (from a config.json), compares. Then checks every shape and that
/// every value is finite. Errors: BAD_MODEL, UNSUPPORTED.
Status check_state_dict(const StateDict &canonical, ModelDescription &description);

/// Some layouts store the position table, a constant, which tells the number of tokens and so the size of the image. 0
/// if this one does not.
int position_table_tokens(const StateDict &canonical);

/// Compares a stored position table with the one that the model computes and takes it out of the weights. Errors:
/// BAD_MODEL, UNSUPPORTED (learned).
Status drop_position_table(StateDict &canonical, const ModelDescription &description);

}  // namespace sta
