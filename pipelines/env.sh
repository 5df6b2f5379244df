# SPDX-License-Identifier: MIT
# Common part of the pipeline scripts; it is sourced, never run. If STA was built in this tree, it tells GStreamer and
# the shell to find it there (an installed STA needs nothing of this). Then come the defaults (a shipped model and
# clip), and printers for the labels and events that gst-launch-1.0 -m reports.
#
#   STA_BUILD   build folder, default: build or build-test of this tree
#   STA_MODEL   model folder, default: models/camera-watch
#   STA_SINK    what shows frames, default: autovideosink; "fakesink sync=true" on a machine without a screen
# shellcheck shell=bash disable=SC2034 # those who source it use the variables

sta_tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
sta_name=$(basename "$0")

sta_die() {
  printf '%s: %s\n' "$sta_name" "$*" >&2
  exit 1
}

for sta_build in "${STA_BUILD:-$sta_tree/build}" "$sta_tree/build-test"; do
  if [ -e "$sta_build/gst-plugin/libgststa.so" ]; then
    export GST_PLUGIN_PATH="$sta_build/gst-plugin${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
    export PATH="$sta_build/apps:$sta_build/apps/monitor:$PATH"
    # A separate registry, so that the registry of the user's other programs does not learn of a plugin in a build
    # folder.
    export GST_REGISTRY="${GST_REGISTRY:-$sta_build/gst-registry.bin}"
    break
  fi
done

command -v gst-launch-1.0 >/dev/null || sta_die "gst-launch-1.0 is missing: run scripts/setup."
# (--exists alone would ask for the version of GStreamer itself.)
gst-inspect-1.0 --exists --atleast-version=0.1 staaction || sta_die "GStreamer knows no element staaction: run scripts/build, or install STA, or name a build folder in STA_BUILD."

# Where recordings go: out/ of the tree; where STA is installed, the folder that the script is started in.
sta_out=$sta_tree/out
[ -e "$sta_tree/meson.build" ] || sta_out=.

# The clip made for the bundled model, or any other shipped clip; and a second one beside it, if there is one.
sta_default_clip='' sta_other_clip=''
for sta_clip in "$sta_tree"/media/camera-watch-demo.mp4 "$sta_tree"/media/*.mp4; do
  [ -e "$sta_clip" ] || continue
  sta_default_clip=${sta_default_clip:-$sta_clip}
  if [ "$sta_clip" != "$sta_default_clip" ]; then
    sta_other_clip=$sta_clip
    break
  fi
done
sta_other_clip=${sta_other_clip:-$sta_default_clip}

# Frames the way players show them: telephones record sideways and say so in a tag. The pipeline turns the frames, and
# the tag then says so. (GStreamer 1.22 reports no tag for mirrored MP4 files. `sta classify` handles those.)
upright='videoflip video-direction=auto ! taginject tags=image-orientation=rotate-0'
model=${STA_MODEL:-$sta_tree/models/camera-watch}
sink=${STA_SINK:-autovideosink}

# need_file FILE WHAT: the file or folder is there, or the script ends.
need_file() { [ -n "$1" ] && [ -e "$1" ] || sta_die "$2 ${1:-(none is shipped)} is missing."; }

# need_video FILE WHAT: the same, and the file is not one that GStreamer would play for ever.
need_video() {
  need_file "$1" "$2"
  if [ "$(head -c 4 -- "$1" 2>/dev/null | tr -d '\0')" = GIF8 ]; then sta_die "$1: GStreamer cannot play animated GIFs to their end; make a video of it first (ffmpeg -i in.gif out.mp4)."; fi
}

# The model is a folder or file, or arch:vit_base and the like: generated weights, for trying speed.
need_model() { [ "${model#arch:}" != "$model" ] || need_file "$model" "the model"; }

# uri_of FILE-OR-URI
uri_of() {
  case $1 in
    *://*) echo "$1" ;;
    *) python3 -c 'import pathlib, sys; print(pathlib.Path(sys.argv[1]).resolve().as_uri())' "$1" ;;
  esac
}

# A window needs a screen; say so before a sink's error does.
need_screen() {
  if [ "$sink" = autovideosink ] && [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    sta_die 'there is no screen to show a window on: set STA_SINK="fakesink sync=true" to run without one.'
  fi
}

# rtsp_camera: without a URL, a shipped clip plays the part of the camera. Sets $url.
rtsp_camera() {
  url=$1
  if [ -z "$url" ]; then
    need_file "$sta_default_clip" "the clip"
    # Ctrl-C is for the client alone: the camera stays until the client has said goodbye.
    exec 8< <(trap '' INT && exec "$sta_tree/pipelines/rtsp-server" "$sta_default_clip")
    sta_server=$!
    trap 'kill $sta_server 2>/dev/null' EXIT
    read -r url <&8 || sta_die "the RTSP server did not start."
    echo "$sta_name: no address given, so $(basename "$sta_default_clip") plays the camera at $url" >&2
  fi
}

# labels: reads what gst-launch-1.0 -m prints and writes one line per classified window: interval, label, confidence,
# and the stream if it has a name. It is written in bash, because awk holds lines back when it reads from a pipe, and
# these lines are to appear as they happen.
labels() {
  local LC_ALL=C line label confidence start end stream
  # Ctrl-C is for gst-launch-1.0, which may have a file to close. This loop ends with the output of gst-launch-1.0.
  trap '' INT
  while IFS= read -r line; do
    [[ $line == *': sta-window, '* ]] || continue
    sta_field label && label=$value
    sta_field confidence && confidence=$value
    sta_field window-start && start=$value
    sta_field window-end && end=$value
    sta_field stream-id && stream=$value
    [ -n "$label" ] || continue # a window that failed has an error and no label
    # printf has no arithmetic, but it reads exponents. A confidence written with an exponent is nearly 0.
    [[ $confidence != *e* ]] || confidence=0
    # An id that nobody chose is a long number.
    [ ${#stream} -le 24 ] || stream=''
    printf '%8.2f - %8.2f s  %-24s %5.1f %%%s\n' "${start}e-9" "${end}e-9" "$label" "${confidence}e2" "${stream:+  $stream}"
  done
}

# events: the same for sta-event messages: when the event began, what it is, and at its end how long it lasted.
events() {
  local LC_ALL=C line state label onset offset
  trap '' INT
  while IFS= read -r line; do
    [[ $line == *': sta-event, '* ]] || continue
    sta_field state && state=$value
    sta_field label && label=$value
    sta_field onset && onset=$value
    sta_field offset && offset=$value
    case $state in
      start) printf '%8.2f s  %-24s begins\n' "${onset}e-9" "$label" ;;
      end) printf '%8.2f s  %-24s was from %.2f s to %.2f s\n' "${offset}e-9" "$label" "${onset}e-9" "${offset}e-9" ;;
    esac
  done
}

# sta_field NAME: finds NAME=(type)value or NAME=(type)"value" in $line and sets $value, empty if there is none.
# GStreamer writes a blank as backslash blank and bytes that are not ASCII as backslash and three octal digits.
sta_field() {
  value=''
  if [[ $line =~ [\ ,]$1=\([a-z0-9]+\)(\"[^\"]*\"|[^,\;]*) ]]; then
    value=${BASH_REMATCH[1]#\"}
    value=${value%\"}
    value=${value//\\ / }
    printf -v value '%b' "$value"
  fi
}
