// SPDX-License-Identifier: MIT
// Says why a video that was played to its end has no window: it may be too short, a single picture, or full of gaps.
// The sentence says which, what was found, and what is needed.
#pragma once

#include <cstdint>
#include <string>

namespace cli {

/// What is known of a video.
struct SeenVideo {
  uint64_t frames = 0;  // decoded
  double seconds = 0;   // how long the frames show, from the first to the end of the last
  double interval = 0;  // s between the frames of a window
  uint64_t gaps = 0;    // how often frames were too far apart; each such gap begins a new window
};

/// video: its name on the command line, to see whether a picture is part of a sequence. num_frames: of a window.
std::string why_no_window(const std::string &video, const SeenVideo &seen, int num_frames);

}  // namespace cli
