#!/bin/bash
# SPDX-License-Identifier: MIT
# Turns a video file or stream into JSON Lines, one object per classified window: for scripts, databases and message
# brokers.
#
#   pipelines/json-lines.sh [VIDEO-OR-URI]
#
# Shows: `sta classify --json` runs the same elements as the other scripts and prints the content of the bus message as
# JSON, with times in seconds. Standard output holds nothing else.
# To adapt: | jq -r 'select(.label == "covered" and .confidence > 0.8)' picks the lines that matter; | mosquitto_pub -l
# -t camera/1 sends each line to an MQTT broker.
set -euo pipefail
. "$(dirname "$0")/env.sh"
video=${1:-$sta_default_clip}
case $video in
  *://*) ;;
  *) need_video "$video" "the video" ;;
esac
need_model

exec sta classify "$model" "$video" --json
