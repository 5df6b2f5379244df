#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the events that `staaction` reports for videos, with a bundled model and the given properties.

Where the camera only stands still in the footage, each event is a false alarm that an operator would get.

    GST_PLUGIN_PATH=build/gst-plugin tools/evaluation/watch_events.py [VIDEO...] [--held-out FOLDER]
        [--set hop=200000000 min-duration=800000000]
"""

import argparse
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

END = re.compile(r"sta-event, state=\(string\)end, .*label=\(string\)([a-z-]+), .*onset=\(guint64\)(\d+), offset=\(guint64\)(\d+)")


def watch(video, model, properties):
    """[(label, onset, offset)] in the order of their ends, running time in seconds. Raises CalledProcessError if the
    pipeline fails."""
    pipeline = ["filesrc", "location=" + video, "!", "decodebin", "!", "videoconvert", "!", "staaction", "model=" + model, "sync=true",
                *properties, "!", "fakesink"]
    done = subprocess.run(["gst-launch-1.0", "-m", *pipeline], stdout=subprocess.PIPE, text=True, check=True)
    return [(m[1], int(m[2]) / 1e9, int(m[3]) / 1e9) for m in END.finditer(done.stdout)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", metavar="VIDEO")
    parser.add_argument("--held-out", metavar="FOLDER", help="also the videos of this folder that camera-watch was never trained on (needs OpenCV and NumPy)")
    parser.add_argument("--model", default="models/camera-watch")
    parser.add_argument("--set", nargs="*", default=[], metavar="PROPERTY=VALUE", help="further properties of staaction")
    args = parser.parse_args()
    videos = list(args.videos)
    if args.held_out:
        from clips.camera_watch import held_out  # here, as these need more than Debian's plain Python
        from clips.camera_watch.footage import VIDEO_TYPES, list_files
        videos += [path for path in list_files(args.held_out, VIDEO_TYPES) if held_out(path)]
    if not videos:
        parser.error("no video: name some, or a folder with --held-out")
    total = 0
    for video in videos:
        try:
            events = watch(video, args.model, args.set)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"{video}: {error}")
        total += len(events)
        print(f"{os.path.basename(video)}: " + (", ".join(f"{label} {onset:.1f} to {offset:.1f} s" for label, onset, offset in events) or "none"), flush=True)
    print(f"{len(videos)} videos, {total} events")


if __name__ == "__main__":
    main()
