// SPDX-License-Identifier: MIT
// How a video file says that it is to be shown: the display matrix in the track header of MP4 and MOV. GStreamer's
// demuxer hands out a tag for the four rotations; for the four mirrored forms older versions hand out none. So files
// are asked themselves, as the Python tools do (tools/reference/orientation.py).
#pragma once

#include <optional>
#include <string>

#include "sta/sta.h"

namespace cli {

/// Of the first video track of a local MP4 or MOV file, a path or a file URI; nullopt for anything else (the tags say
/// it then, if anything does). A matrix that is no turn, such as one that scales, counts as NONE. Files are untrusted:
/// nothing outside them is read, and no more than their boxes.
std::optional<sta_orientation> display_orientation(const std::string &video);

/// As the property `orientation` of staaction and `video-direction` of videoflip call it, but for NONE, which is "none"
/// there and "identity" here.
const char *orientation_name(sta_orientation orientation, bool videoflip);

}  // namespace cli
