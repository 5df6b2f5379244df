#!/bin/bash
# SPDX-License-Identifier: MIT
# Shows a network camera in a window, with live labels.
#
#   pipelines/rtsp-to-window.sh [rtsp://USER:PASSWORD@CAMERA/PATH]   without an address a shipped clip plays the camera
#
# Shows: live mode (staaction's default). Frames are never held up. A label appears on the first frame after its window
# is classified. If the machine is too slow, windows are skipped, not frames.
# To adapt: latency= is the jitter buffer in ms; protocols=udp is usual in a quiet network; drop-number=16 helps a slow
# machine; device=cuda uses a GPU; threshold=0.6 draws only what the model is sure of.
set -euo pipefail
. "$(dirname "$0")/env.sh"
need_model
need_screen
rtsp_camera "${1:-}"

# shellcheck disable=SC2086 # $sink may have properties
gst-launch-1.0 -m \
  rtspsrc location="$url" latency=200 protocols=tcp ! application/x-rtp,media=video ! decodebin ! videoconvert ! \
  staaction model="$model" post-windows=true ! \
  staoverlay ! videoconvert ! $sink \
  | labels
