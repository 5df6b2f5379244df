#!/bin/bash
# SPDX-License-Identifier: MIT
# Records a network camera into an MP4 file with the labels drawn in, until Ctrl-C or for a given number of seconds.
#
#   pipelines/rtsp-to-file.sh [rtsp://… [OUTPUT.mp4 [SECONDS]]]
#
# Without an address a shipped clip plays the camera. The default output is out/recording.mp4.
#
# Shows: recording a live stream. -e turns Ctrl-C into an end of stream, so that the file is closed properly.
# tune=zerolatency keeps the encoder from holding back a second of frames. There is no h264parse before mp4mux, for a
# reason: on a network, two frames may get the same time. h264parse takes the time away from the second one, and mp4mux
# refuses a frame without a time.
# To adapt: splitmuxsink location=part-%05d.mp4 max-size-time=600000000000 in place of mp4mux and filesink writes
# ten-minute files, for recording around the clock.
set -euo pipefail
. "$(dirname "$0")/env.sh"
output=${2:-$sta_out/recording.mp4}
seconds=${3:-0}
need_model
mkdir -p "$(dirname "$output")"
rtsp_camera "${1:-}"

# Only if SECONDS is given: timeout passes Ctrl-C on a second time. gst-launch-1.0 takes that for impatience and leaves
# the file open.
limit=()
if [ "$seconds" -gt 0 ]; then limit=(timeout --foreground --signal=INT "$seconds"); fi

"${limit[@]}" gst-launch-1.0 -m -e \
  rtspsrc location="$url" latency=200 protocols=tcp ! application/x-rtp,media=video ! decodebin ! videoconvert ! \
  staaction model="$model" post-windows=true ! \
  staoverlay ! videoconvert ! \
  x264enc tune=zerolatency speed-preset=veryfast ! mp4mux ! filesink location="$output" \
  | labels || [ "${PIPESTATUS[0]}" = 124 ] # the time was up
echo "$sta_name: wrote $output"
