// SPDX-License-Identifier: MIT
// Why a video that was played to its end has no window: it may be too short, a single picture, or full of gaps. The
// sentence says which, with what was found and what is needed.
#pragma once

#include <cstdint>
#include <string>

namespace cli {

/// What was seen of a video.
struct SeenVideo {
  uint64_t frames = 0;  // decoded
  double seconds = 0;   // that they show, from the first to the end of the last
  double interval = 0;  // s between the frames of a window
  uint64_t gaps = 0;    // times that frames were too far apart, each of which begins a new window
};

/// video: as it was named, for a picture that is part of a sequence. num_frames: of a window.
std::string why_no_window(const std::string &video, const SeenVideo &seen, int num_frames);

}  // namespace cli
