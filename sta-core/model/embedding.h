// SPDX-License-Identifier: MIT
// Embedding: from pixels to the tokens that enter the first block, and what tells their places apart. This is where the
// families of plain ViTs differ most: VideoMAE adds a table of sines, ViViT puts a class token before the patches and
// adds a learned table, V-JEPA 2 adds nothing and rotates queries and keys.
#pragma once

#include "model/description.h"
#include "model/weight_reader.h"
#include "ops/ops.h"

namespace sta {

class Embedding {
 public:
  Embedding(const ModelDescription &description, WeightReader &weights, at::ScalarType type, at::Device device);

  /// clip [B,3,T,H,W] -> [B,E+K,C]. chosen: int64 [B,K], the patches that enter; the pixels of others are not looked at.
  /// Undefined: all.
  at::Tensor tokens(const at::Tensor &clip, const at::Tensor &chosen) const;

  bool rotary() const { return rotary_.cosines.defined(); }
  /// For the attention between patches. tokens: int64 [B,K], which patches they are; undefined: all, in order. Nothing
  /// is rotated if the positions are not rotary.
  ops::Rotation rotation(const at::Tensor &tokens) const { return rotary() ? ops::rotation_of(rotary_, tokens) : ops::Rotation{}; }

 private:
  const int tubelet_, patch_size_;
  ops::Linear patch_;     // weight [C, 3·tubelet·patch²]
  at::Tensor first_;      // [E,C], the tokens before the patches with their positions; undefined: none
  at::Tensor positions_;  // [L,C], added to the patches; undefined: nothing is added
  ops::Rotation rotary_;  // [L,R]; undefined: the positions are not rotary
};

}  // namespace sta
