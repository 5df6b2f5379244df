#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the windows that staaction reports for a clip with those of the Python model, one by one.

    tools/checks/compare_windows.py media/camera-watch-demo.mp4 --model models/camera-watch

On one side, GStreamer decodes, converts, samples in time, resizes and classifies (gst-launch-1.0 with the element). On
the other side, ffmpeg decodes and converts, and Python does the rest. Where the colours go through YUV, the two
conversions round differently, so probabilities differ by some hundredths at worst. On lossless RGB
(tools/clips/export_camera_watch.py) they differ by rounding only. Exit status 1 if a window has another label and
Python is surer of its own label than --tolerance allows. GST_PLUGIN_PATH says where the plugin is, if it is not
installed.
"""

import argparse
import os
import re
import subprocess
import sys

import torch

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from clips.camera_watch import FRAMES, INTERVAL, SIDE  # noqa: E402
from clips.camera_watch.windows import samples, windows  # noqa: E402
from reference.model_folder import load_folder, normalise  # noqa: E402


def fields(line):
    """Numbers of one sta-window message: (window's start in seconds, whether it is a tail, {class number: confidence})."""
    numbers = re.search(r"class-ids=\(int\)< ([^>]*) >", line)[1].split(", ")
    confidences = re.search(r"confidences=\(double\)< ([^>]*) >", line)[1].split(", ")
    start = int(re.search(r"window-start=\(guint64\)(\d+)", line)[1]) / 1e9
    return start, "tail=(boolean)true" in line, {int(n): float(c) for n, c in zip(numbers, confidences)}


def told(clip, model, classes):
    """What the element posts of each whole window."""
    pipeline = ["filesrc", "location=" + clip, "!", "decodebin", "!", "videoconvert", "!", "staaction", "model=" + model, "still-threshold=0", "sync=true", "precision=fp32",
                "static-skip=false", "post-windows=true", f"top-k={classes}", "!", "fakesink"]
    done = subprocess.run(["gst-launch-1.0", "-m", *pipeline], stdout=subprocess.PIPE, text=True, check=True)
    return [w for w in (fields(line) for line in done.stdout.splitlines() if "sta-window," in line) if not w[1]]


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip")
    parser.add_argument("--model", default="models/camera-watch", help="model folder")
    parser.add_argument("--tolerance", type=float, default=0.05, help="how close the two best classes must be for another label to be excused")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model, labels, interval = load_folder(args.model)
    if (model.geometry.frames, model.geometry.image, interval) != (FRAMES, SIDE, INTERVAL):
        sys.exit(f"{args.model}: not a model of {FRAMES} frames of {SIDE}x{SIDE}, {INTERVAL} s apart, as this tool cuts windows")
    ours = told(args.clip, args.model, len(labels))
    clips = windows(samples(args.clip), 1)
    same, worst, bad = 0, 0.0, 0
    for start, _, confidences in ours:
        number = round(start / interval)
        if number >= len(clips):
            sys.exit(f"{args.clip}: the window at {start} s is not one of Python's {len(clips)}")
        theirs = model(normalise(clips[number:number + 1])).softmax(1)[0]
        label, wanted = max(confidences, key=confidences.get), int(theirs.argmax())
        worst = max(worst, max(abs(float(theirs[k]) - c) for k, c in confidences.items()))
        if label == wanted:
            same += 1
            continue
        margin = float(theirs[wanted] - theirs[label])
        bad += margin > args.tolerance
        print(f"{start:6.1f} s: {labels[label]}, Python says {labels[wanted]}, by {margin:.3f}")
    print(f"{args.clip}: same label for {same} of {len(ours)} windows, largest difference of a probability {worst:.1e}")
    sys.exit(1 if bad or not ours else 0)


if __name__ == "__main__":
    main()
