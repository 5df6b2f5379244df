#!/bin/bash
# SPDX-License-Identifier: MIT
# Turns a video file into the same video with the labels drawn in (H.264 in MP4), and prints the labels on the terminal.
#
#   pipelines/file-to-annotated-mp4.sh [VIDEO [OUTPUT.mp4]]      default output: out/annotated.mp4
#
# Shows: staoverlay draws what staaction attached to the frames. The two talk through metadata alone, so any element
# that keeps metadata may lie between them.
# To adapt: use another encoder (x265enc, vp9enc ! webmmux) in place of x264enc; keep the sound with a named demuxer
# (demux.audio_0 ! queue ! mux.).
set -euo pipefail
. "$(dirname "$0")/env.sh"
video=${1:-$sta_default_clip}
output=${2:-$sta_out/annotated.mp4}
need_video "$video" "the video"
need_model
mkdir -p "$(dirname "$output")"

# shellcheck disable=SC2086 # $upright is a piece of a pipeline
gst-launch-1.0 -m \
  filesrc location="$video" ! decodebin ! videoconvert ! $upright ! \
  staaction model="$model" sync=true post-windows=true ! \
  staoverlay ! videoconvert ! \
  x264enc ! h264parse ! mp4mux ! filesink location="$output" \
  | labels
echo "$sta_name: wrote $output"
