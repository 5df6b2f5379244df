#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes clips of camera-watch's held-out footage as video files, one folder per class, for `sta eval`.

    tools/clips/export_camera_watch.py --videos FOLDER --out CLIPS
    sta eval models/camera-watch CLIPS --probabilities --json eval.json
    tools/checks/compare_eval.py eval.json --model models/camera-watch
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from clips.camera_watch.clips import ClipMaker  # noqa: E402
from clips.camera_watch.footage import load_videos  # noqa: E402
from clips.camera_watch.videos import export  # noqa: E402


def show(done, count):
    if sys.stderr.isatty() or done == count:
        sys.stderr.write(f"\r{done} of {count} clips" + ("\n" if done == count else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", required=True, help="the folder of source videos that the training used")
    parser.add_argument("--out", required=True, help="folder to be made")
    parser.add_argument("--cache", default="build/camera-watch-cache", help="folder for decoded frames")
    parser.add_argument("--clips", type=int, default=240)
    parser.add_argument("--raw", action="store_true", help="clips of 192x192, so that they are resized as well; default: of the model's size")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if os.path.exists(args.out) and os.listdir(args.out):
        raise SystemExit(f"{args.out}: is not empty")
    videos = load_videos(args.videos, args.cache, "held-out")
    if not videos:
        raise SystemExit(f"{args.videos}: no held-out video below it")
    export(ClipMaker([(1.0, videos)], args.seed + 2 * 10 ** 6), args.clips, args.out, args.raw, show)


if __name__ == "__main__":
    main()
