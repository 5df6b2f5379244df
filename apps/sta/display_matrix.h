// SPDX-License-Identifier: MIT
// How a video file wants to be shown: reads the display matrix in the track header of MP4 and MOV. GStreamer's demuxer
// emits a tag for the four rotations, but its older versions emit none for the four mirrored forms. So this reads the
// files themselves, as the Python tools do (tools/reference/orientation.py).
#pragma once

#include <optional>
#include <string>

#include "sta/sta.h"

namespace cli {

/// Reads the first video track of a local MP4 or MOV file, given as a path or a file URI. Returns nullopt for anything
/// else; then the tags decide, if there are any. A matrix that is no turn, such as one that scales, counts as NONE.
/// Files are untrusted: this reads nothing outside them, and nothing of them except their boxes.
std::optional<sta_orientation> display_orientation(const std::string &video);

/// The name of an orientation as a value of staaction's property `orientation`, or of videoflip's `video-direction`.
/// The two differ only for NONE: "none" for staaction, "identity" for videoflip.
const char *orientation_name(sta_orientation orientation, bool videoflip);

}  // namespace cli
