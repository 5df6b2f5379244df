#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains camera-watch, the model that tells what a camera does, and writes its folder.

    tools/train_camera_watch.py --videos FOLDER --images FOLDER --output models/camera-watch

FOLDER of videos: real footage of cameras that stand still (people may move). FOLDER of images: photographs, optional.
The same seed and number of clips give the same clips; an interrupted run goes on from its checkpoint.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from camera_watch.train import train  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", required=True, help="folder of source videos from cameras that stand still")
    parser.add_argument("--images", help="folder of photographs used as further scenes")
    parser.add_argument("--output", default="models/camera-watch", help="model folder to write")
    parser.add_argument("--cache", default="build/camera-watch-cache", help="folder for decoded frames (about 4 GB)")
    parser.add_argument("--checkpoint", default="build/camera-watch.pt", help="state of the run, to continue it")
    parser.add_argument("--clips", type=int, default=120000, help="length of the training, in clips")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--sparse", type=float, default=0.6, help="share of the training that sees half of the tokens only")
    parser.add_argument("--guide", type=float, default=1.0, help="weight of the second task, telling the true motion")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenes", type=int, default=120, help="generated scenes beside the footage")
    parser.add_argument("--codec-clips", type=int, default=4000, help="clips that go through a real video codec")
    parser.add_argument("--codec-share", type=float, default=0.2, help="share of the training clips taken from those")
    parser.add_argument("--test-clips", type=int, default=600, help="held-out clips for the progress report")
    parser.add_argument("--save-minutes", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=1, help="threads of the training itself")
    parser.add_argument("--workers", type=int, default=2, help="processes that make clips")
    parser.add_argument("--start", help="model folder whose weights a new run begins with")
    parser.add_argument("--float32", action="store_true", help="do not use bfloat16 arithmetic")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
