// SPDX-License-Identifier: MIT
// ModelDescription: everything about a model that is not a weight: dims, frames, sampling, labels, normalisation. Filled by the checkpoint room from
// a config.json or the file itself, read by everybody else.
//
// Dimension letters used at every tensor of this project:
//   B batch   T frames of a clip (pixels) or groups of a pruning call   H, W height, width in pixels   C embedding width   D head size   h heads
//   n_t tubelet steps = T / tubelet   n_y, n_x patches per column, row   n_s = n_y·n_x tokens of a step   L = n_t·n_s tokens   N tokens of a group
//   r tokens dropped per group and call ("drop number")   n classes
#pragma once

#include <array>
#include <string>
#include <vector>

#include "window/sampling_grid.h"

namespace sta {

struct ModelDescription {
  std::string name;
  std::string path;
  std::string architecture = "videomae";

  int num_frames = 16;  // T
  int tubelet = 2;
  int patch = 16;
  int height = 224, width = 224;  // H, W
  int embed_dim = 0;              // C
  int depth = 0;
  int num_heads = 0;  // h
  int mlp_dim = 0;
  int num_classes = 0;  // n

  double block_eps = 1e-6;    // LayerNorm of the blocks
  double fc_norm_eps = 1e-6;  // LayerNorm before the head

  Spacing spacing{400'000'000, 3};  // 4/30 s: VideoMAE on Kinetics takes every 4th frame of 30 fps
  int short_side = 224;             // of the resized frame, before the centre crop
  bool antialias = false;
  std::array<float, 3> mean{0.485f, 0.456f, 0.406f};
  std::array<float, 3> std{0.229f, 0.224f, 0.225f};

  std::vector<std::string> labels;  // n
  std::string warnings;             // lines

  int steps() const { return num_frames / tubelet; }                      // n_t
  int step_tokens() const { return (height / patch) * (width / patch); }  // n_s
  int tokens() const { return steps() * step_tokens(); }                  // L
  int head_dim() const { return embed_dim / num_heads; }                  // D
  int patch_volume() const { return 3 * tubelet * patch * patch; }

  /// Largest legal r. STA's three calls see n_t, n_t/2, n_t/4 groups, and the first group of each call may only lose "sources", the even half of its
  /// tokens: r <= n_s/2 is what survives all three. 0 if n_t is not divisible by 4 or the depth leaves no three places.
  int max_drop_number() const { return steps() % 4 == 0 && depth >= 3 ? step_tokens() / 2 : 0; }
};

}  // namespace sta
