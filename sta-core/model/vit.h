// SPDX-License-Identifier: MIT
// Vit: the one forward pass of all plain ViTs, in which every token attends to all tokens: VideoMAE, ViViT, V-JEPA 2.
// Tokens are pruned after blocks 0, depth/3 and 2·depth/3. What differs between the families is in the parts that it is
// made of: embedding.h, block.h, head.h. It uses ops/ and pruning/ and has no special cases for families, devices or
// precisions: it computes on the device and in the type of its weights.
#pragma once

#include <vector>

#include "checkpoint/names/vit_names.h"
#include "model/block.h"
#include "model/embedding.h"
#include "model/head.h"
#include "model/model.h"
#include "pruning/prune_step.h"
#include "pruning/ragged_plan.h"

namespace sta {

class Vit : public Model {
 public:
  /// weights: canonical names, checked (checkpoint/names/vit_names.h). Copied and packed once to `type` on `device`;
  /// the given tensors may be freed afterwards. Throws c10::Error (out of memory, no such device); callers inside
  /// sta-core catch it at the edge. kernels: those of the device, for pruning; NULL: ATen's.
  Vit(const ModelDescription &description, StateDict weights, at::ScalarType type, at::Device device, const KernelLibrary *kernels = nullptr);

  /// The result's kept: indices of patches. A class token before them is in no group and not counted.
  ForwardOutput forward(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe = nullptr) const override;
  const char *own_attention() const override { return blocks_[0].qkv.packed.defined() && !embedding_.rotary() ? "own" : nullptr; }

 private:
  // What goes from block to block.
  struct Tokens {
    at::Tensor x;       // [B,E+K,C]
    at::Tensor normed;  // norm1 of x in the next block, if the pruning kernels have already made it
    // Rotary positions only: int64 [B,K], which patches of the clip they are; undefined: all, in order.
    at::Tensor places;
    ops::Rotation rotation;  // of these tokens
    at::Tensor weights;      // f32 [B,K], steps that each patch stands for; undefined: every patch of the clip is there
  };
  Vit(const ModelDescription &description, WeightReader weights, at::ScalarType type, at::Device device, const KernelLibrary *kernels);
  Tokens enter(const at::Tensor &clip, const PruneSettings &prune, ForwardOutput &out, std::vector<RaggedCall> &ragged) const;
  PrunedTokens prune_even(const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, const PruneSettings &prune, const ops::LayerNorm *next,
                          const ForwardProbe *probe) const;
  PrunedTokens prune_ragged(const at::Tensor &x, const at::Tensor &keys, const RaggedCall &call, const PruneSettings &prune,
                            const ops::LayerNorm *next) const;
  void keep(Tokens &tokens, PrunedTokens pruned, const ops::LayerNorm *next) const;
  at::Tensor patches(const at::Tensor &t) const;

  const KernelLibrary *kernels_;
  const Embedding embedding_;
  std::vector<Block> blocks_;
  const Head head_;
};

/// The pruning call after block i, or index 0 if there is none there.
PruneCall prune_call_after(const ModelDescription &description, int block);

}  // namespace sta
