#!/bin/bash
# SPDX-License-Identifier: MIT
# Labels two cameras (or files) with one engine. Both appear side by side in one MP4 file, and their labels on the
# terminal.
#
#   pipelines/two-cameras-one-engine.sh [FIRST [SECOND [OUTPUT.mp4]]]
#
# FIRST and SECOND are files or rtsp:// addresses. The defaults are shipped clips and out/two-cameras.mp4.
#
# Shows: elements of one process that name the same model, device and precision share it. The weights are in memory
# once, and windows that are ready together go through the model together. stream-id tells which stream a label belongs
# to.
# To adapt: add a third branch that ends in side. with its own xpos. For many cameras use one process for all of them:
# sharing works only within a process.
set -euo pipefail
. "$(dirname "$0")/env.sh"
first=${1:-$sta_default_clip}
second=${2:-$sta_other_clip}
output=${3:-$sta_out/two-cameras.mp4}
case $first$second in
  *rtsp://*) sync=false ;; # live: never wait
  *)
    sync=true # files: label every window
    need_video "$first" "the first video"
    need_video "$second" "the second video"
    ;;
esac
need_model
mkdir -p "$(dirname "$output")"

# shellcheck disable=SC2086 # $upright is a piece of a pipeline
gst-launch-1.0 -m -e \
  compositor name=side background=black sink_0::xpos=0 sink_1::xpos=640 ! videoconvert ! x264enc ! h264parse ! mp4mux ! filesink location="$output" \
  uridecodebin uri="$(uri_of "$first")" ! videoconvert ! $upright ! videoscale ! video/x-raw,width=640,height=360,pixel-aspect-ratio=1/1 ! \
  staaction model="$model" stream-id=first sync=$sync post-windows=true ! staoverlay ! queue ! side.sink_0 \
  uridecodebin uri="$(uri_of "$second")" ! videoconvert ! $upright ! videoscale ! video/x-raw,width=640,height=360,pixel-aspect-ratio=1/1 ! \
  staaction model="$model" stream-id=second sync=$sync post-windows=true ! staoverlay ! queue ! side.sink_1 \
  | labels
echo "$sta_name: wrote $output"
