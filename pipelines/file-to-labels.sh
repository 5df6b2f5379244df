#!/bin/bash
# SPDX-License-Identifier: MIT
# Prints the labels of a video file on the terminal, with times.
#
#   pipelines/file-to-labels.sh [VIDEO]
#
# Shows: sync=true makes staaction wait for each window, so a file gives the same labels on every machine, however slow.
# post-windows=true posts every window on the bus as a message named sta-window; gst-launch-1.0 -m (and any application)
# reads it there.
# To adapt: STA_MODEL=FOLDER for another model; hop=250000000 for four labels a second; drop-number=16 for more speed at
# a little less accuracy (`sta info MODEL` says how many tokens may be dropped). Take the "| labels" away to see the
# messages as they are, with the runners-up of each window.
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
