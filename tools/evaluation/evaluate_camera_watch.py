#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the numbers of camera-watch's model card. They are measured on source videos that no training clip came from.

    tools/evaluation/evaluate_camera_watch.py --videos FOLDER [--model models/camera-watch]
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from evaluation.camera_watch import evaluate  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", required=True, help="the folder of source videos that the training used")
    parser.add_argument("--model", default="models/camera-watch", help="model folder")
    parser.add_argument("--cache", default="build/camera-watch-cache", help="folder for decoded frames")
    parser.add_argument("--parts", nargs="+", choices=["moved", "plain", "still", "ffmpeg"], default=["moved", "plain", "still", "ffmpeg"])
    parser.add_argument("--clips", type=int, default=2400, help="clips moved by the virtual camera; plain has half as many")
    parser.add_argument("--ffmpeg-clips", type=int, default=360, help="clips made with ffmpeg's filters")
    parser.add_argument("--threshold", type=float, default=0.5, help="confidence from which another label than steady counts as an alarm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", help="folder for the ffmpeg clips that were not recognised")
    parser.add_argument("--json", help="also write the numbers to this file")
    evaluate(parser.parse_args())


if __name__ == "__main__":
    main()
