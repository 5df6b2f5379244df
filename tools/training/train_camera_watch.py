#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains camera-watch, the model that tells what a camera does, and writes its folder.

    tools/training/train_camera_watch.py --videos FOLDER --images FOLDER --output models/camera-watch

FOLDER of videos: real footage of cameras that stand still (people may move). FOLDER of images: photographs, optional.
The same seed and number of clips give the same clips. An interrupted run continues from its checkpoint.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from training.camera_watch import make_task  # noqa: E402
from training.window_training import add_arguments, train  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, "camera-watch", 220000)
    parser.add_argument("--codec-clips", type=int, default=4000, help="clips that go through a real video codec")
    parser.add_argument("--codec-share", type=float, default=0.2, help="share of the training clips taken from those")
    parser.add_argument("--rooms", type=int, default=400, help="generated rooms beside the footage")
    parser.add_argument("--steady-share", type=float, default=0.25, help="share of the clips in which the camera does nothing")
    parser.add_argument("--oftener", default="", help="classes to train oftener than others, and how many times: shake=1.6,covered=1.4")
    args = parser.parse_args()
    train(args, make_task(args))


if __name__ == "__main__":
    main()
