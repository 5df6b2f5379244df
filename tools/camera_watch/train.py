# SPDX-License-Identifier: MIT
"""What camera-watch learns from: real footage, photographs and generated scenes, moved by known camera paths."""

from window_training import Task, bar, show

from . import CLASSES
from .clips import ClipMaker, build_codec_pool
from .footage import load_stills, load_videos, make_scenes
from .symmetry import counterpart


def make_task(args):
    """The task as the command line describes it; decodes the videos and builds the pool of codec clips on the first call."""
    groups = [(0.55, load_videos(args.videos, args.cache, "train")), (0.25, load_stills(args.images)), (0.2, make_scenes(args.scenes, args.seed))]
    maker = ClipMaker(groups, args.seed, ramp=(args.clips * 0.04, args.clips * 0.2, 0.85))
    pool = build_codec_pool(maker, args.codec_clips, args.cache, lambda i, n: show("codec clips " + bar(i, n))) if args.codec_clips else None
    test_maker = ClipMaker([(1.0, load_videos(args.videos, args.cache, "held-out"))], args.seed + 10 ** 6)
    return Task(CLASSES, maker, test_maker, counterpart, pool)
