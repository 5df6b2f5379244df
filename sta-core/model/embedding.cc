// SPDX-License-Identifier: MIT
// See embedding.h.
#include "model/embedding.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>

#include "ops/cpu_ops.h"

namespace sta {

Embedding::Embedding(const ModelDescription &m, WeightReader &weights, at::ScalarType type, at::Device device)
    : tubelet_(m.tubelet), patch_size_(m.patch), patch_(weights.linear("patch_embed.proj")) {
  const int64_t e = m.extra_tokens(), l = m.tokens(), c = m.embed_dim;
  if (patch_.weight.defined()) patch_.weight = patch_.weight.view({c, m.patch_volume()});
  if (m.class_token) first_ = weights.tensor("class_token").view({e, c});
  switch (m.positions) {
    case Positions::kSines:
      positions_ = ops::position_table(l, c).to(device, type);
      break;
    case Positions::kLearned: {
      const at::Tensor all = weights.tensor("positions");  // [E+L,C]
      if (e > 0) first_ = first_ + all.narrow(0, 0, e);
      positions_ = all.narrow(0, e, l);
      break;
    }
    case Positions::kRotary: {
      const ops::Rotation table = ops::rotary_table(m.steps(), m.height / m.patch, m.width / m.patch, m.head_dim());
      rotary_ = {table.cosines.to(device), table.sines.to(device)};
      break;
    }
  }
}

at::Tensor Embedding::tokens(const at::Tensor &clip, const at::Tensor &chosen) const {
  at::Tensor x;  // [B,K,C]
  if (patch_.packed.defined()) {
    x = ops::packed_embed(clip, patch_, positions_, tubelet_, patch_size_, chosen);
  } else if (!chosen.defined()) {
    x = ops::patch_embed(clip, patch_, tubelet_, patch_size_);
    if (positions_.defined()) x += positions_;
  } else {
    x = ops::linear(ops::gather_tokens(ops::tubelets(clip, tubelet_, patch_size_), chosen), patch_);
    if (positions_.defined()) x += positions_.index_select(0, chosen.view({-1})).view(x.sizes());
  }
  if (!first_.defined()) return x;
  return at::cat({first_.unsqueeze(0).expand({x.size(0), first_.size(0), x.size(2)}), x}, 1);
}

}  // namespace sta
