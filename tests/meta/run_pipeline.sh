#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs one script of pipelines/ unchanged, on a shipped clip with the shipped model, and checks its output. If there is
# no shipped model (say, in a checkout without large files), it uses a tiny one of the golden tests: the labels of that
# one mean nothing, but they come. Exit status 77 = skipped (no clip is shipped).
#
#   run_pipeline.sh file-to-labels
set -uo pipefail
tree=$(cd "$(dirname "$0")/../.." && pwd)
name=$1
# The smallest shipped clip, for scripts that work with any clip: live scripts take as long as the clip plays.
clip=$(find "$tree/media" -name '*.mp4' -printf '%s %p\n' 2>/dev/null | sort -n | head -n 1 | cut -d' ' -f2-)
if [ -z "$clip" ]; then
  echo 'SKIP: no clip'
  exit 77
fi
if [ -z "${STA_MODEL:-}" ] && [ ! -e "$tree/models/camera-watch" ]; then export STA_MODEL=$tree/tests/golden/checkpoints/tiny_hf_qkv_bias; fi
work=$(mktemp -d)
trap 'rm -rf "$work"; [ -z "${server:-}" ] || kill "$server" 2>/dev/null' EXIT
fail() {
  echo "FAIL: $*"
  cat "$work"/out "$work"/err 2>/dev/null
  exit 1
}
# A sink that keeps time like a window.
export STA_SINK='fakesink sync=true'
run() { timeout 150 "$tree/pipelines/$name.sh" "$@" >"$work/out" 2>"$work/err" </dev/null || fail "$name.sh ended with status $?"; }

# At least one line such as "    0.00 -     2.13 s  walking      97.1 %  first"
expect_labels() { grep -qE "^ *[0-9]+\.[0-9]{2} - +[0-9]+\.[0-9]{2} s  .*[0-9] %$1" "$work/out" || fail "no labels${1:+ of$1}"; }

# Checks that the file plays to its end and has at least so many frames.
expect_video() {
  local frames
  frames=$(gst-launch-1.0 -v filesrc location="$1" ! decodebin ! videoconvert ! identity silent=false ! fakesink 2>"$work/err" | grep -c 'chain ')
  [ "$frames" -ge "$2" ] || fail "$1 has $frames frames"
}

# A piece of the clip that is to be shown turned clockwise, as telephones record it.
make_turned() {
  gst-launch-1.0 -q filesrc location="$clip" ! qtdemux ! h264parse ! identity eos-after=40 ! mp4mux ! filesink location="$1" 2>"$work/err" \
    || fail "no piece of $clip could be made"
  # The matrix of the track header, ISO 14496-12, 8.3.2.
  python3 - "$1" <<'END' || fail 'no turned clip could be made'
import struct, sys
with open(sys.argv[1], 'r+b') as file:
    header = file.read().index(b'tkhd') + 4
    file.seek(header + 40)
    file.write(struct.pack('>9i', 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30))
END
}

# Checks that the raw frames of a pipeline are higher than wide. The shipped clips are wider than high.
expect_upright() {
  local caps
  caps=$(gst-launch-1.0 -v "$@" ! decodebin ! videoconvert ! fakesink name=last num-buffers=5 2>"$work/err" | grep -m 1 'last.GstPad:sink: caps = video/x-raw')
  [[ $caps =~ width=\(int\)([0-9]+),\ height=\(int\)([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -lt "${BASH_REMATCH[2]}" ] || fail "not upright: $caps"
}

case $name in
  file-to-labels)
    run
    expect_labels ''
    ;;
  rtsp-to-window)
    # The script plays until its camera ends. Six seconds are enough for a few windows.
    gst-launch-1.0 -q filesrc location="$clip" ! qtdemux ! h264parse ! identity eos-after=90 ! mp4mux ! filesink location="$work/short.mp4" 2>"$work/err" \
      || fail "no short clip could be made of $clip"
    exec 8< <(exec "$tree/pipelines/rtsp-server" "$work/short.mp4")
    server=$!
    read -r -t 20 url <&8 || fail 'the RTSP server did not start'
    run "$url"
    expect_labels ''
    kill "$server"
    make_turned "$work/turned.mp4"
    exec 8< <(exec "$tree/pipelines/rtsp-server" "$work/turned.mp4")
    server=$!
    read -r -t 20 url <&8 || fail 'the RTSP server did not start with a turned clip'
    expect_upright rtspsrc location="$url" latency=0 protocols=tcp ! application/x-rtp,media=video
    ;;
  file-to-annotated-mp4)
    run "$clip" "$work/out.mp4"
    expect_labels ''
    expect_video "$work/out.mp4" 25
    make_turned "$work/turned.mp4"
    run "$work/turned.mp4" "$work/upright.mp4"
    expect_upright filesrc location="$work/upright.mp4"
    ;;
  rtsp-to-file)
    run '' "$work/out.mp4" 6
    expect_labels ''
    expect_video "$work/out.mp4" 25
    # Ctrl-C reaches every process of the terminal's foreground group; the file must still be closed. A shell starts its
    # jobs deaf to Ctrl-C, hence Python.
    python3 - "$tree/pipelines/rtsp-to-file.sh" "$work/interrupted.mp4" >"$work/out" 2>"$work/err" <<'END' || fail 'Ctrl-C did not end it well'
import os, signal, subprocess, sys, time
job = subprocess.Popen([sys.argv[1], '', sys.argv[2]], start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
time.sleep(5)
os.killpg(job.pid, signal.SIGINT)
try:
    sys.exit(job.wait(30))
finally:
    if job.poll() is None:
        os.killpg(job.pid, signal.SIGKILL)
END
    expect_video "$work/interrupted.mp4" 25
    ;;
  two-cameras-one-engine)
    run "$clip" "$clip" "$work/out.mp4"
    expect_labels '  first'
    expect_labels '  second'
    expect_video "$work/out.mp4" 25
    ;;
  json-lines)
    run
    python3 - "$work/out" <<'END' || fail 'not JSON Lines with a label and a confidence each'
import json, sys
windows = [json.loads(line) for line in open(sys.argv[1], encoding='utf-8')]
assert windows, 'no windows'
assert all(window['label'] and 0 < window['confidence'] <= 1 for window in windows), windows[0]
END
    ;;
  wrong-way)
    run "$tree/media/one-by-one-30s.mp4" right left
    grep -qE '^ *[0-9]+\.[0-9]{2} s  right +begins$' "$work/out" || fail 'nobody was seen to go to the right'
    grep -qE '^ *[0-9]+\.[0-9]{2} s  right +was from [0-9.]+ s to [0-9.]+ s$' "$work/out" || fail 'the motion to the right does not end'
    ! grep -vE '^ *[0-9]+\.[0-9]{2} s  (right|left) ' "$work/out" || fail 'something else than the two directions was told'
    ;;
  *) fail "no script $name" ;;
esac
sed -n 1,5p "$work/out"
