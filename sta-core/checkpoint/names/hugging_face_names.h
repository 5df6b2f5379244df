// SPDX-License-Identifier: MIT
// Names of the classifiers of transformers beside VideoMAE's: ViViT, V-JEPA 2, TimeSformer. One table for each family
// says which of its names is which canonical one, so files are read and written by the same lines.
//
// Canonical names are those of vit_names.h and, where a network has these parts,
//
//   class_token [C]        the token before the patches
//   positions [E+L,C]      learned positions; TimeSformer: [1+n_s,C], of the class token and the places of a frame
//   time_positions [T,C]   TimeSformer
//   norm.{weight,bias}     LayerNorm after the last block
//   pooler.query [C]       the learned query of an attentive pooler
//   pooler.blocks.{i}.*    as blocks.{i}.*
//   pooler.cross.norm1, attn.q.{weight [C,C], bias [C]}, attn.kv.{weight [2C,C], bias [2C]}, norm2, mlp.fc1, mlp.fc2
//   blocks.{i}.temporal.{norm, attn.qkv, attn.proj, dense}   TimeSformer
#pragma once

#include <string>

#include "checkpoint/names/vit_names.h"

namespace sta {

/// Whether this is the model_type of a family that is read here: "vivit", "vjepa2", "timesformer".
bool is_hugging_face_family(const std::string &model_type);
/// The name of a family for messages: "ViViT". "VideoMAE" for every other one.
std::string family_name(const std::string &model_type);
/// The family whose names a file has; "" if it is none of them. Wrappers around the names are no obstacle.
std::string family_of_names(const StateDict &file);

/// Renames a file's tensors to canonical names, and joins queries, keys and values. Parts that a classifier does not use
/// are left out: V-JEPA 2's predictor; with a warning, the pooler of a ViViT without its classifier. description: of the
/// configuration. Errors: BAD_MODEL, UNSUPPORTED.
Result<StateDict> canonical_from_hugging_face(const StateDict &file, ModelDescription &description);

/// The other way round, for a new file. description.architecture is the family. weights: canonical.
StateDict hugging_face_from_canonical(const StateDict &weights, const ModelDescription &description);

}  // namespace sta
