#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains motion-watch, the model that tells where something moves in front of a still camera, and writes its folder.

    tools/training/train_motion_watch.py --videos FOLDER --images FOLDER --start models/camera-watch --output models/motion-watch

FOLDER of videos: real footage of cameras that stand still; scenes and people are cut out of it. FOLDER of images:
photographs, optional. Start from camera-watch: from random weights the task is learnt much more slowly.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from training.motion_watch import make_task  # noqa: E402
from training.window_training import add_arguments, train  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, "motion-watch", 100000)
    args = parser.parse_args()
    train(args, make_task(args))


if __name__ == "__main__":
    main()
