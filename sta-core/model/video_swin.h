// SPDX-License-Identifier: MIT
// VideoSwin: the Video Swin Transformer (Liu et al., CVPR 2022) of any declared geometry. It has stages of pre-norm
// blocks with attention inside shifted windows (ops/window_plan.h). Between stages four tokens are merged into one. The
// head classifies the mean of all tokens.
//
// Pruning it by STA is a RECONSTRUCTION. The paper gives results for it (Tables 1 and 2), but no code exists. We know
// only the GFLOPs, and that attention inside windows is not reduced ("fill-up"). The form below gives all sixteen
// published GFLOPs within 0.5 %. Nobody can tell whether it is the paper's form:
//
//   - At the entry of stages 2, 3, 4 the selection starts afresh on the full grid: T = n_t, n_t/2, n_t/4 groups,
//     scanned forward, backward, forward.
//   - r is stated per frame of 784 tokens, which is the 28 x 28 grid of stage 2 at 224 x 224. Every group loses the
//     shares r/784, 3r/1568, r/392 of its tokens, rounded.
//   - f(X), which measures similarity, splits a token into the slices of the stage's heads and takes their mean. (The
//     ViT takes the mean of the heads' keys, but here no key exists yet.) Whole tokens would cost more than the
//     published figures leave room for.
//   - Only kept tokens pass the norms, qkv, projection and MLP of the stage's blocks. Dropped tokens keep the value
//     that they had at the stage's entry.
//   - Windows stay full: dropped keys are masked out. Patch merging, and the mean at the end, read the full grid.
#pragma once

#include <array>
#include <vector>

#include "checkpoint/names/vit_names.h"
#include "model/model.h"
#include "ops/swin_ops.h"
#include "pruning/prune_step.h"

namespace sta {

/// What is dropped at the entry of a stage.
struct StagePrune {
  PruneCall call;   // index 0: nothing
  int drop_number;  // of each group
};

/// stage: 0, 1, ... drop_number: r as the user states it; it must be legal for the model.
StagePrune stage_prune(const ModelDescription &description, int stage, int drop_number);

class VideoSwin : public Model {
 public:
  /// weights: canonical names, checked (checkpoint/names/swin_names.h). Copied and packed once to `type` on `device`;
  /// the given tensors may be freed afterwards. Throws c10::Error. kernels: those of the device, which select tokens if
  /// their limits allow it; NULL: ATen's.
  VideoSwin(const ModelDescription &description, StateDict weights, at::ScalarType type, at::Device device, const KernelLibrary *kernels = nullptr);

  /// The result's kept: one entry for each call at stages 2, 3, 4, with indices into the full grid of the stage.
  ForwardOutput forward(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe = nullptr) const override;

 private:
  struct Block {
    ops::LayerNorm norm1, norm2;
    ops::WindowAttention attention;
    ops::Linear fc1, fc2;
  };
  struct Stage {
    std::array<ops::WindowPlan, 2> plan;  // of even and odd blocks
    std::vector<Block> blocks;
    ops::LayerNorm merge_norm;  // undefined in the last stage
    ops::Linear merge;
  };
  struct Pruned;
  Pruned prune_at_entry(int stage, const at::Tensor &x, const PruneSettings &prune, const ForwardProbe *probe) const;
  at::Tensor run_stage(int stage, const at::Tensor &x, const PruneSettings &prune, const ForwardProbe *probe, ForwardOutput &out) const;

  const KernelLibrary *kernels_;
  ops::Linear patch_;  // weight [C, 3·tubelet·patch²]
  ops::LayerNorm patch_norm_;
  std::vector<Stage> stages_;
  ops::LayerNorm norm_;  // f32, as the head
  ops::Linear head_;
};

}  // namespace sta
