#!/bin/bash
# SPDX-License-Identifier: MIT
# Shows a webcam in a window, with live labels.
#
#   pipelines/webcam.sh [DEVICE]      default: /dev/video0
#
# Shows: live mode on a camera that GStreamer reads itself. decodebin is there because most webcams send JPEG at their
# better sizes.
# To adapt: caps after v4l2src choose size and rate, e.g. ! image/jpeg,width=1280,framerate=30/1 ! ; on a Raspberry Pi
# use libcamerasrc in place of v4l2src.
set -euo pipefail
. "$(dirname "$0")/env.sh"
device=${1:-/dev/video0}
need_file "$device" "the camera"
need_model
need_screen

# shellcheck disable=SC2086 # $sink may have properties
gst-launch-1.0 -m \
  v4l2src device="$device" ! decodebin ! videoconvert ! \
  staaction model="$model" post-windows=true ! \
  staoverlay ! videoconvert ! $sink \
  | labels
