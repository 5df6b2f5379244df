#!/bin/bash
# SPDX-License-Identifier: MIT
# Checks every script of pipelines/. It must parse, say in its header what it shows and how to adapt it, and stop with
# one clear line if its input is missing.
set -uo pipefail
tree=$(cd "$(dirname "$0")/../.." && pwd)
failures=0
fail() {
  echo "FAIL: $*"
  failures=$((failures + 1))
}

count=0
for script in "$tree"/pipelines/*.sh; do
  name=$(basename "$script")
  bash -n "$script" || fail "$name: syntax"
  [ "$name" = env.sh ] && continue
  count=$((count + 1))
  [ -x "$script" ] || fail "$name is not executable"
  header=$(sed -n '1,/^[^#]/p' "$script")
  for word in 'SPDX-License-Identifier: MIT' "pipelines/$name" '# Shows:' '# To adapt:'; do
    grep -qF "$word" <<<"$header" || fail "$name: its header lacks '$word'"
  done
  grep -qE '^(exec )?sta classify|gst-launch-1\.0' "$script" || fail "$name: starts neither gst-launch-1.0 nor sta classify"
done
[ $count -ge 7 ] || fail "only $count scripts"

# A missing file must be named in one line before anything starts. (Without a built plugin, the one line is about the
# plugin.)
message=$("$tree/pipelines/file-to-labels.sh" /nonexistent/clip.mp4 2>&1) && fail 'file-to-labels.sh accepted a missing file'
[ "$(wc -l <<<"$message")" = 1 ] || fail "file-to-labels.sh on a missing file printed more than a line: $message"
grep -qE '/nonexistent/clip.mp4|scripts/build' <<<"$message" || fail "file-to-labels.sh does not name what is missing: $message"

# A GIF must be refused the same way, because it would play for ever.
gif=$(mktemp --suffix=.gif)
printf 'GIF89a' >"$gif"
message=$(timeout 20 "$tree/pipelines/file-to-labels.sh" "$gif" 2>&1) && fail 'file-to-labels.sh accepted a GIF'
grep -qE "$gif: GStreamer cannot play animated GIFs|scripts/build" <<<"$message" || fail "file-to-labels.sh does not say what to do about a GIF: $message"
rm -f "$gif"

# The output of gst-launch-1.0 -m must become one line per window: with blanks, bytes that are not ASCII, very small
# numbers, and names of streams. Other messages become nothing.
eval "$(sed -n '/^labels()/,$p' "$tree/pipelines/env.sh")"
got=$(labels <<'END'
Setting pipeline to PLAYING ...
Got message #3 from element "a" (element): sta-window, label=(string)falling, class-id=(int)1, confidence=(double)0.98760000000000003, labels=(string)< falling, walking >, confidences=(double)< 0.98760000000000003, 0.01 >, window-start=(guint64)2133333333, window-end=(guint64)4266666666, window-id=(guint64)4, stream-id=(string)door;
Got message #4 from element "a" (state-changed): GstMessageStateChanged, old-state=(GstState)null, new-state=(GstState)ready;
Got message #5 from element "a" (element): sta-window, label=(string)"stra\303\237e\ auf", confidence=(double)1.2345e-05, window-start=(guint64)0, window-end=(guint64)4266666666, stream-id=(string)1234567890123456789012345678901234567890;
Got message #6 from element "a" (element): sta-window, error=(string)"no\ memory", window-start=(guint64)0, window-end=(guint64)1;
END
)
want='    2.13 -     4.27 s  falling                   98.8 %  door
    0.00 -     4.27 s  straße auf                0.0 %'
# Columns are counted in bytes, so one blank fewer after the two-byte letter is right.
[ "$(tr -s ' ' <<<"$got")" = "$(tr -s ' ' <<<"$want")" ] || fail "labels printed
$got"

[ $failures = 0 ]
