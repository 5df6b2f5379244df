// SPDX-License-Identifier: MIT
// Vit: the VideoMAE vision transformer with token pruning after blocks 0, depth/3 and 2·depth/3. It uses ops/ and
// pruning/ and has no special cases for devices or precisions: it computes on the device and in the type of its
// weights.
#pragma once

#include <vector>

#include "checkpoint/names/vit_names.h"
#include "model/model.h"
#include "ops/ops.h"
#include "pruning/prune_step.h"
#include "pruning/ragged_plan.h"

namespace sta {

class Vit : public Model {
 public:
  /// weights: canonical names, checked (checkpoint/names/vit_names.h). Copied and packed once to `type` on `device`;
  /// the given tensors may be freed afterwards. Throws c10::Error (out of memory, no such device); callers inside
  /// sta-core catch it at the edge. kernels: those of the device, for pruning; NULL: ATen's.
  Vit(const ModelDescription &description, StateDict weights, at::ScalarType type, at::Device device, const KernelLibrary *kernels = nullptr);

  ForwardOutput forward(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe = nullptr) const override;
  const char *own_attention() const override { return blocks_[0].qkv.packed.defined() ? "own" : nullptr; }

 private:
  // What stillness has left of the clips of a pass.
  struct Still {
    at::Tensor weights;             // f32 [B,K], steps that each token stands for; undefined: every token is there
    std::vector<RaggedCall> calls;  // empty: dense
  };
  at::Tensor embed(const at::Tensor &clip, const PruneSettings &prune, ForwardOutput &out, Still &still) const;
  at::Tensor head_input(const at::Tensor &x, int64_t class_token, const Still &still) const;
  struct Block {
    ops::LayerNorm norm1, norm2;
    ops::Linear qkv, proj, fc1, fc2;
  };
  const KernelLibrary *kernels_;
  ops::Linear patch_;    // weight [C, 3·tubelet·patch²]
  at::Tensor position_;  // [L,C]
  std::vector<Block> blocks_;
  ops::LayerNorm last_norm_;  // f32, as it is cheap: one row per clip. fc_norm, or the norm of the class token
  ops::Linear head_;          // f32
};

/// The pruning call after block i, or index 0 if there is none there.
PruneCall prune_call_after(const ModelDescription &description, int block);

}  // namespace sta
