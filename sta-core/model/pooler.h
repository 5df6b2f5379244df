// SPDX-License-Identifier: MIT
// AttentivePooler: the head of V-JEPA 2. A few blocks work on all tokens that are left, then one learned query attends
// to them: y = query + attention(query, norm1 x), y += mlp(norm2 y). There is no projection after that attention. The
// order of the tokens does not matter, and a token that stands for several still ones counts once.
#pragma once

#include <vector>

#include "model/block.h"
#include "model/description.h"
#include "model/weight_reader.h"

namespace sta {

class AttentivePooler {
 public:
  AttentivePooler(const ModelDescription &description, WeightReader &weights);

  /// x [B,K,C], after the last LayerNorm; overwritten -> [B,C]
  at::Tensor pool(at::Tensor x) const;

 private:
  const int heads_;
  const ops::Gelu gelu_;
  std::vector<Block> blocks_;
  at::Tensor query_;            // [1,1,C]
  at::Tensor projected_query_;  // [1,h,1,D], the same for every clip
  ops::LayerNorm norm1_, norm2_;
  ops::Linear kv_, fc1_, fc2_;  // the rows of kv.weight [2C,C] are k, v
};

}  // namespace sta
