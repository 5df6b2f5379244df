#!/bin/bash
# SPDX-License-Identifier: MIT
# A video file to labels with times on the terminal.
#
#   pipelines/file-to-labels.sh [VIDEO]
#
# Shows: sync=true makes staaction wait for each window, so that a file gives the same labels on every machine, however
# slow; post-windows=true posts every window as a message named sta-window on the bus, where gst-launch-1.0 -m (and any
# application) reads it. To adapt: another model with STA_MODEL=FOLDER; hop=250000000 for four labels a second;
# drop-number=16 for more speed at a little less accuracy (`sta info MODEL` says how many tokens may go). Take the "|
# labels" away to see the messages as they are, with the runners-up of each window.
set -euo pipefail
. "$(dirname "$0")/env.sh"
video=${1:-$sta_default_clip}
need_video "$video" "the video"
need_model

gst-launch-1.0 -m \
  filesrc location="$video" ! decodebin ! videoconvert ! \
  staaction model="$model" sync=true post-windows=true ! \
  fakesink \
  | labels
