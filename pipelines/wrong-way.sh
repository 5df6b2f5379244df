#!/bin/bash
# SPDX-License-Identifier: MIT
# Reports who goes the wrong way: a camera that stands still tells when something moves in one direction, and nothing
# else.
#
#   pipelines/wrong-way.sh [VIDEO-OR-URI [DIRECTION...]]      default: a shipped clip, right
#
# Shows: events instead of windows. classes= lets only the named labels become events. smoothing and min-duration keep a
# single doubtful window from raising an alarm; the printed times are still those of the motion.
# To adapt: models/motion-watch knows the directions left, right, up, down, approaching, leaving, appearing and
# vanishing; a videocrop before staaction watches one door of a wide view. For a network camera give its rtsp://
# address.
set -euo pipefail
export STA_MODEL=${STA_MODEL:-$(dirname "$0")/../models/motion-watch}
. "$(dirname "$0")/env.sh"
video=${1:-$sta_tree/media/one-by-one-30s.mp4}
shift || true
directions=${*:-right}
case $video in
  *rtsp://*) sync=false ;; # live: never wait
  *://*) sync=true ;;
  *)
    sync=true
    need_video "$video" "the video"
    ;;
esac
need_model

gst-launch-1.0 -m \
  uridecodebin uri="$(uri_of "$video")" ! videoconvert ! \
  staaction model="$model" sync=$sync classes="${directions// /,}" smoothing=2 min-duration=500000000 ! \
  fakesink sync=false \
  | events
