// SPDX-License-Identifier: MIT
// See no_window.h.
#include "no_window.h"

#include <cstdio>

#include "picture_sequence.h"

namespace cli {
namespace {

constexpr double kOnTime = 1e-3;  // s; a frame may be this late, as in the engine's windows (kOnGridTolerance)

}  // namespace

std::string why_no_window(const std::string &video, const SeenVideo &seen, int num_frames) {
  if (seen.frames == 0) return "no frame could be decoded";
  if (seen.frames == 1) {
    const std::string sequence = sequence_around(video);
    return "a single picture, and a window of this model takes " + std::to_string(num_frames) + " frames" +
           (sequence.empty() ? "" : "; the sequence that it is part of is " + sequence + " with --rate");
  }
  // A window at the end may be half empty, but the last sample of its first half has to be on screen.
  const double whole = seen.interval * num_frames, needed = seen.interval * ((num_frames + 1) / 2 - 1);
  char text[300];
  if (seen.seconds <= needed + kOnTime)
    std::snprintf(text, sizeof text, "too short: %.2f s of video, and more than %.2f s are needed: half a window of this model, which is %.2f s long",
                  seen.seconds, needed, whole);
  else if (seen.gaps > 0)
    std::snprintf(text, sizeof text, "%llu gaps in %.2f s of video: between them there are never the %.2f s that half a window of this model needs",
                  static_cast<unsigned long long>(seen.gaps), seen.seconds, needed);
  else
    std::snprintf(text, sizeof text, "the times of its %llu frames do not go on evenly: they fill no window of this model, which is %.2f s long",
                  static_cast<unsigned long long>(seen.frames), whole);
  return text;
}

}  // namespace cli
