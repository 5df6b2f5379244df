// SPDX-License-Identifier: MIT
// VideoSwin: the Video Swin Transformer (Liu et al., CVPR 2022) of any declared geometry: stages of pre-norm blocks
// with attention inside shifted windows, four tokens merged into one between stages, the mean of all tokens classified.
// Windows: ops/window_plan.h.
//
// Pruning it by STA is a RECONSTRUCTION. The paper gives results for it (Tables 1 and 2) and no code exists; known are
// the GFLOPs, and that attention inside windows is not reduced ("fill-up"). This form gives all sixteen published
// GFLOPs within 0.5 %; whether it is the paper's, nobody can tell:
//
//   - At the entry of stages 2, 3, 4 the selection starts afresh on the full grid: T = n_t, n_t/2, n_t/4 groups,
//     scanned forward, backward, forward.
//   - r is stated per frame of 784 tokens, as 28 x 28 of stage 2 are at 224 x 224. Of every group go the shares r/784,
//     3r/1568, r/392, rounded.
//   - f(X), which tells similarity, is the mean over the stage's heads of the heads' slices of the token (the ViT takes
//     the mean over heads of the
//   keys,
//     but here no key exists yet); whole tokens would be dearer by more than the published figures leave room for.
//   - Only kept tokens pass the norms, qkv, projection and MLP of the stage's blocks; dropped ones keep the value they
//     had at its entry.
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

/// stage 0, 1, ..; drop_number: r as the user states it, legal for the model.
StagePrune stage_prune(const ModelDescription &description, int stage, int drop_number);

class VideoSwin : public Model {
 public:
  /// weights: canonical names, checked (checkpoint/names/swin_names.h). Copied and packed once to `type` on `device`;
  /// the given tensors may be freed afterwards. Throws c10::Error. kernels: of the device, for selecting tokens where
  /// their limits allow it; NULL: ATen's.
  VideoSwin(const ModelDescription &description, StateDict weights, at::ScalarType type, at::Device device, const KernelLibrary *kernels = nullptr);

  /// kept: of the calls at stages 2, 3, 4, each into the full grid of its stage.
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
