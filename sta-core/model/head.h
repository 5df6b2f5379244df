// SPDX-License-Identifier: MIT
// Head: from the tokens that are left after the last block to one row per clip and its logits. It reads the mean of the
// tokens, one token, or what an attentive pooler makes of all. Norms and products on one row per clip are fp32.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/description.h"
#include "model/pooler.h"
#include "model/weight_reader.h"

namespace sta {

/// What a head has to know about the tokens beside their values.
struct HeadInput {
  // f32 [B,K]: how many steps each patch stands for, if still ones were left out; a mean counts it as often. Undefined:
  // one each.
  at::Tensor weights;
  // Where the token is that a head of one token reads: the same in every clip, or [B].
  std::vector<int64_t> places;
};

class Head {
 public:
  Head(const ModelDescription &description, WeightReader &weights);

  /// x [B,E+K,C], which may be overwritten -> f32 [B,C], the input of the classifier
  at::Tensor features(at::Tensor x, const HeadInput &input) const;
  /// f32 [B,C] -> f32 [B,n]
  at::Tensor logits(const at::Tensor &features) const { return ops::linear(features, classifier_); }

 private:
  const bool mean_;
  const int64_t extra_;  // E
  std::optional<AttentivePooler> pooler_;
  ops::LayerNorm norm_;     // of the type of the model if a pooler reads all tokens, else f32
  ops::Linear classifier_;  // f32
};

}  // namespace sta
