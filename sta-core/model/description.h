// SPDX-License-Identifier: MIT
// ModelDescription: everything about a model that is not a weight: dims, frames, sampling, labels, normalisation.
// Filled by the checkpoint room from a config.json or the file itself, read by everybody else.
//
// Two architectures: "videomae", a plain ViT, and "video_swin", a pyramid of stages with attention in shifted windows
// (model/video_swin.h). The fields mean the same for both where they can; depth, num_heads, mlp_dim and embed_dim are
// those of the first stage or of all blocks, as said beside them.
//
// Dimension letters used at every tensor of this project:
//   B batch   T frames of a clip (pixels) or groups of a pruning call   H, W height, width in pixels
//   C embedding width   D head size   h heads
//   n_t tubelet steps = T / tubelet   n_y, n_x patches per column, row   n_s = n_y·n_x tokens of a step
//   L = n_t·n_s tokens   N tokens of a group
//   r tokens dropped per group and call ("drop number")   n classes
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "window/sampling_grid.h"

namespace sta {

/// What a model folder recommends for events; each user's own settings go first. What it does not name has the default
/// of sta_timeline_options.
struct EventHints {
  int background = -1;                               // a class that is the normal state, and no event
  int smoothing = 0;                                 // windows; 0: not named
  double enter_threshold = -1, exit_threshold = -1;  // 0 .. 1; -1: not named
  double min_duration = -1, release_duration = -1;   // seconds; -1: not named
};

struct ModelDescription {
  std::string name;
  std::string path;
  std::string architecture = "videomae";

  int num_frames = 16;  // T
  int tubelet = 2;
  int patch = 16;
  int height = 224, width = 224;  // H, W
  int embed_dim = 0;              // C; of the first stage
  int depth = 0;                  // blocks, of all stages
  int num_heads = 0;              // h; of the first stage
  int mlp_dim = 0;                // of the first stage
  int num_classes = 0;            // n

  // What the head reads, of a ViT. true: fc_norm of the mean over all tokens. false: a last LayerNorm of token 0, as
  // fine-tuning by Hugging Face's tutorial leaves it; pruning then never drops that token.
  bool mean_pooling = true;
  bool qkv_bias = true;      // false: the configuration says that there are none
  bool multi_label = false;  // classes exclude each other: softmax; several may hold at once: sigmoid

  double block_eps = 1e-6;    // LayerNorm of the blocks
  double fc_norm_eps = 1e-6;  // LayerNorm before the head, of a mean

  Spacing spacing{400'000'000, 3};          // 4/30 s: VideoMAE on Kinetics takes every 4th frame of 30 fps
  int short_side = 224;                     // of the resized frame, before the centre crop
  int squash_height = 0, squash_width = 0;  // instead: frames are resized to exactly this, whatever their shape is; 0: they are not
  bool antialias = false;
  std::array<float, 3> mean{0.485f, 0.456f, 0.406f};
  std::array<float, 3> std{0.229f, 0.224f, 0.225f};

  std::vector<std::string> labels;  // n
  EventHints events;
  // Recommended by the model folder, for models that were trained with it or tried with it; 0: none.
  float still_threshold = 0;
  std::string warnings;  // lines

  // Of "video_swin" only; stage s is C·2^s wide.
  std::vector<int> stage_depths;  // blocks of each stage; empty: a ViT
  std::vector<int> stage_heads;   // attention heads of each stage
  std::array<int, 3> window{};    // steps, rows, columns, as configured: smaller grids clip it

  bool pyramid() const { return !stage_depths.empty(); }
  int stages() const { return static_cast<int>(stage_depths.size()); }
  int stage_dim(int stage) const { return embed_dim << stage; }
  /// Grid of a stage: steps, rows, columns. What does not divide is padded: patches at the border of the clip, odd rows
  /// at the merging.
  std::array<int, 3> stage_grid(int stage) const {
    std::array<int, 3> grid{steps(), up(height, patch), up(width, patch)};
    for (int s = 0; s < stage; ++s) grid = {grid[0], up(grid[1], 2), up(grid[2], 2)};
    return grid;
  }

  int steps() const { return up(num_frames, tubelet); }                     // n_t
  int step_tokens() const { return up(height, patch) * up(width, patch); }  // n_s
  int tokens() const { return steps() * step_tokens(); }                    // L
  int head_dim() const { return embed_dim / num_heads; }                    // D
  int patch_volume() const { return 3 * tubelet * patch * patch; }

  /// Largest legal r; 0 if the model cannot be pruned.
  /// ViT: STA's three calls see n_t, n_t/2, n_t/4 groups, and the first group of each call may only lose "sources", the
  /// even half of its tokens: r <= n_s/2 is what survives all three; one less where token 0 is one of the sources and
  /// has to stay. Needs n_t divisible by 4 and a depth that leaves three places. Pyramid: r counts tokens of a frame of
  /// 784 whatever the size is (model/video_swin.h); the last stage loses the share r/392, and 384 is the largest
  /// multiple of 64 that leaves some. Needs n_t divisible by 4 and four stages.
  int max_drop_number() const {
    if (steps() % 4 != 0) return 0;
    if (pyramid()) return stages() == 4 ? 384 : 0;
    return depth >= 3 ? (step_tokens() - (mean_pooling ? 0 : 1)) / 2 : 0;
  }

 private:
  static int up(int a, int b) { return (a + b - 1) / b; }
};

/// What published Video Swin models share: 32 frames, every second one of 30 fps, patches of 2 x 4 x 4, LayerNorm
/// epsilon 1e-5.
inline void describe_swin_defaults(ModelDescription &m) {
  m.architecture = "video_swin";
  m.num_frames = 32;
  m.tubelet = 2;
  m.patch = 4;
  m.block_eps = m.fc_norm_eps = 1e-5;
  m.spacing = {200'000'000, 3};  // 2/30 s
}

}  // namespace sta
