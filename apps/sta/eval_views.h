// SPDX-License-Identifier: MIT
// Which frames of a video make its views. These are the formulas of the published evaluations, by frame index, so their
// numbers can be reproduced.
//
//   dense, videomae    every stride-th frame of the whole video, the last repeated up to T; N clips of T of them,
//                      evenly from the begin to the end. STA and VideoMAE on Kinetics-400: stride 4, 5 clips, 3 crops.
//   uniform, videomae  T segments of the video: clip 0 takes the begin of each, clip 1 the middle. VideoMAE on
//                      Something-Something V2: 2 clips.
//   dense, mmaction    N clips of T frames `stride` apart, centred in N equal parts; a video shorter than a clip is
//                      looped. Video Swin on Kinetics-400: stride 2, 4 clips.
//   uniform, mmaction  T segments, the middle frame of each. Video Swin on Something-Something V2: 1 clip.
//
// Letters: T frames of a view, N clips. Crops do not matter here.
#pragma once

#include <string>
#include <vector>

namespace cli {

enum class Sampling { kDense, kUniform, kWindow };  // kWindow: by time, see eval_decoder.h
enum class ViewRules { kVideoMae, kMmaction };

struct ViewPlan {
  Sampling sampling = Sampling::kWindow;
  ViewRules rules = ViewRules::kVideoMae;
  int frames = 16;  // T
  int clips = 1;    // N; for kWindow: as many as the video has
  int crops = 1;
  int stride = 4;       // for kDense
  double hop = 0;       // s, for kWindow; 0: a quarter of a window
  double interval = 0;  // s, for kWindow; 0: the model's
  double rate = 0;      // pictures a second, for sequences of pictures; 0: not given
  bool operator==(const ViewPlan &) const = default;
};

/// Frame indices [N][T] for a video of `total` >= 1 frames. Not for kWindow.
std::vector<std::vector<int>> clip_frames(const ViewPlan &plan, int total);

/// Whether this frame can be part of a view while the video's length is not known yet.
bool may_be_sampled(const ViewPlan &plan, int index);

/// Says which of clips, crops and stride is out of range, and what would be right. Empty if the plan is fine.
std::string plan_fault(const ViewPlan &plan);

}  // namespace cli
