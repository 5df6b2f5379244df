# SPDX-License-Identifier: MIT
"""The training material of motion-watch: people and shapes that move along known ways over real footage and generated
scenes."""

from clips.camera_watch.footage import load_stills, load_videos, make_scenes
from clips.camera_watch.people import cut_people
from training.window_training import Task

from clips.motion_watch import CLASSES
from clips.motion_watch.clips import ClipMaker
from clips.motion_watch.symmetry import counterpart


def make_maker(args, which, seed, ramp=None, **sizes):
    """Clips of the training's or the held-out source videos; photographs and generated scenes are for training only."""
    videos = load_videos(args.videos, args.cache, which)
    groups = [(0.6, videos)]
    if which == "train":
        groups += [(0.2, load_stills(args.images)), (0.2, make_scenes(args.scenes, args.seed))]
    return ClipMaker(groups, cut_people(videos, args.cache), seed, ramp, **sizes)


def make_task(args):
    """The task as the command line describes it; decodes the videos and cuts the people out on the first call."""
    maker = make_maker(args, "train", args.seed, (args.clips * 0.04, args.clips * 0.2, 0.85))
    return Task(CLASSES, maker, make_maker(args, "held-out", args.seed + 10 ** 6), counterpart, local=True)
