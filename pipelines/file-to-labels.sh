#!/bin/bash
# SPDX-License-Identifier: MIT
# A video file to labels with times on the terminal.
#
#   pipelines/file-to-labels.sh [VIDEO]
#
# Shows: sync=true makes staaction wait for each window, so that a file gives the same labels on every machine, however slow; post-windows=true posts every window as a message
# named sta-window on the bus, where gst-launch-1.0 -m (and any application) reads it.
# To adapt: another model with STA_MODEL=FOLDER; hop=250000000 for four labels a second; drop-number=32 to drop fewer tokens (slower, a little more accurate) or 64 for more
# speed; threshold=0.6 to hear only of what the model is sure of. Take the "| labels" away to see the messages as they are.
set -euo pipefail
. "$(dirname "$0")/env.sh"
video=${1:-$sta_default_clip}
need_file "$video" "the video"
need_model

gst-launch-1.0 -m \
  filesrc location="$video" ! decodebin ! videoconvert ! \
  staaction model="$model" sync=true post-windows=true ! \
  fakesink \
  | labels
