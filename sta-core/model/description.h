// SPDX-License-Identifier: MIT
// ModelDescription: everything about a model except its weights: dims, frames, sampling, labels, normalisation.
// checkpoint/ fills it from a config.json or from the weights file, and describe_arch() (flops.h) for a known
// architecture. Other code reads it.
//
// Three networks. A plain ViT ("videomae", "vivit", "vjepa2"): every token attends to all tokens (model/vit.h); its
// parts are described here, not its family. "timesformer": attention to time and space in turn (model/timesformer.h).
// "video_swin": a pyramid of stages with attention in shifted windows (model/video_swin.h). Where possible, the fields
// mean the same for all. depth, num_heads, mlp_dim and embed_dim describe the first stage or all blocks; the comment
// beside each says which.
//
// All tensors of this project use these dimension letters:
//   B batch   T frames of a clip (pixels) or groups of a pruning call   H, W height, width in pixels
//   C embedding width   D head size   h heads
//   n_t tubelet steps = T / tubelet   n_y, n_x patches per column, row   n_s = n_y·n_x tokens of a step
//   L = n_t·n_s tokens   E tokens before them   N tokens of a group   K tokens that are left
//   r tokens dropped per group and call ("drop number")   n classes
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "window/sampling_grid.h"

namespace sta {

/// The settings for events that a model folder recommends. The user's own settings win over them. A setting that the
/// folder does not name has the default of sta_timeline_options.
struct EventHints {
  int background = -1;                               // the class that is the normal state and no event
  int smoothing = 0;                                 // windows; 0: not named
  double enter_threshold = -1, exit_threshold = -1;  // 0 .. 1; -1: not named
  double min_duration = -1, release_duration = -1;   // seconds; -1: not named
};

/// How a plain ViT tells tokens at different places apart.
enum class Positions {
  kSines,    // a fixed table of sines and cosines is added to the tokens (ops/ops.h)
  kLearned,  // a table of the file is added, one row a token
  kRotary,   // queries and keys are rotated by step, row and column (ops/rotary.h)
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

  // The parts of a plain ViT; the defaults are VideoMAE's.
  Positions positions = Positions::kSines;
  bool class_token = false;  // a learned token before the patches. It is in no group and is never dropped
  bool tanh_gelu = false;    // GELU by its approximation with tanh instead of exactly (erf)
  // What the head reads. true: fc_norm of the mean over all tokens. false: a last LayerNorm of the first token. That is
  // the class token or, in models that were fine-tuned by Hugging Face's tutorial, token 0, which pruning then never
  // drops.
  bool mean_pooling = true;
  // Instead: a last LayerNorm of all tokens, so many blocks on them, then the attention of one learned query to them
  // (model/pooler.h). -1: no such pooler.
  int pooler_blocks = -1;
  int pooler_mlp_dim = 0;

  bool divided = false;      // "timesformer": attention to time and space in turn
  bool qkv_bias = true;      // false: the configuration says that there are no such biases
  bool multi_label = false;  // false: classes exclude each other, softmax; true: several may hold at once, sigmoid

  double block_eps = 1e-6;    // LayerNorm of the blocks
  double fc_norm_eps = 1e-6;  // LayerNorm before the head, if that reads a mean

  Spacing spacing{400'000'000, 3};          // 4/30 s: VideoMAE on Kinetics takes every 4th frame of 30 fps
  int short_side = 224;                     // of the resized frame, before the centre crop
  int squash_height = 0, squash_width = 0;  // if not 0, replaces short_side: frames get exactly this size
  bool antialias = false;
  std::array<float, 3> mean{0.485f, 0.456f, 0.406f};
  std::array<float, 3> std{0.229f, 0.224f, 0.225f};

  std::vector<std::string> labels;  // n
  EventHints events;
  // Recommended by the model folder, for models that were trained with it or tried with it; 0: none.
  float still_threshold = 0;
  std::string warnings;  // lines

  // For "video_swin" only. Stage s is C·2^s wide.
  std::vector<int> stage_depths;  // blocks of each stage; empty: a ViT
  std::vector<int> stage_heads;   // attention heads of each stage
  std::array<int, 3> window{};    // steps, rows, columns, as configured; a smaller grid clips it

  bool pyramid() const { return !stage_depths.empty(); }
  /// Whether every token attends to all tokens, so that tokens can be dropped before the first block and between blocks.
  bool joint() const { return !pyramid() && !divided; }
  bool pooled_by_attention() const { return pooler_blocks >= 0; }
  /// Whether the head reads token 0 of the first step, which therefore has to stay.
  bool reads_first_patch() const { return !mean_pooling && !class_token && !pooled_by_attention(); }
  int stages() const { return static_cast<int>(stage_depths.size()); }
  int stage_dim(int stage) const { return embed_dim << stage; }
  /// Grid of a stage: steps, rows, columns. Sizes that do not divide are padded: patches at the border of the clip, and
  /// odd rows and columns when patches are merged.
  std::array<int, 3> stage_grid(int stage) const {
    std::array<int, 3> grid{steps(), up(height, patch), up(width, patch)};
    for (int s = 0; s < stage; ++s) grid = {grid[0], up(grid[1], 2), up(grid[2], 2)};
    return grid;
  }

  int steps() const { return up(num_frames, tubelet); }                     // n_t
  int step_tokens() const { return up(height, patch) * up(width, patch); }  // n_s
  int tokens() const { return steps() * step_tokens(); }                    // L; a class token is not counted
  int extra_tokens() const { return class_token ? 1 : 0; }                  // E, before the patches
  int head_dim() const { return embed_dim / num_heads; }                    // D
  int patch_volume() const { return 3 * tubelet * patch * patch; }

  /// Largest legal r; 0 if the model cannot be pruned. ViT: the three calls of STA see n_t, n_t/2, n_t/4 groups. The
  /// first group of each call may lose only "sources", the even half of its tokens. r <= n_s/2 is possible in all three
  /// calls; it is one less if token 0 is a source and has to stay. n_t must be divisible by 4, and the depth must leave
  /// three places. Divided attention: none, since each place needs its token in every step. Pyramid: r counts tokens of
  /// a frame of 784 tokens, whatever the real size is (model/video_swin.h). The last stage loses the share r/392, and
  /// 384 is the largest multiple of 64 that leaves some tokens. n_t must be divisible by 4, and there must be four
  /// stages.
  int max_drop_number() const {
    if (steps() % 4 != 0 || divided) return 0;
    if (pyramid()) return stages() == 4 ? 384 : 0;
    return depth >= 3 ? (step_tokens() - (reads_first_patch() ? 1 : 0)) / 2 : 0;
  }

 private:
  static int up(int a, int b) { return (a + b - 1) / b; }
};

/// Sets what all published Video Swin models have: 32 frames, which are every second one of 30 fps, patches of 2 x 4 x
/// 4, LayerNorm epsilon 1e-5.
inline void describe_swin_defaults(ModelDescription &m) {
  m.architecture = "video_swin";
  m.num_frames = 32;
  m.tubelet = 2;
  m.patch = 4;
  m.block_eps = m.fc_norm_eps = 1e-5;
  m.spacing = {200'000'000, 3};  // 2/30 s
}

}  // namespace sta
