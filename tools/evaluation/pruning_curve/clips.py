# SPDX-License-Identifier: MIT
"""The held-out clips that a bundled model is measured on, and the groups in which its errors are counted."""

import dataclasses

import numpy as np
import torch

from clips import camera_watch, motion_watch
from clips.camera_watch.clips import ClipMaker
from clips.camera_watch.footage import load_videos
from training.motion_watch import make_maker

SMALL, LARGE = 0.25, 0.45  # heights of a moving thing, picture sides


@dataclasses.dataclass
class HeldOut:
    """clips [n, F, S, S, 3] uint8, labels [n], groups: name -> mask [n]."""
    clips: torch.Tensor
    labels: torch.Tensor
    groups: dict


def _make(count, classes, make):
    """Clips [count, F, S, S, 3] and labels [count], the same number of each class; make(number, label) -> (clip, label, ...)."""
    made = [make(i, i % len(classes)) for i in range(count)]
    return torch.from_numpy(np.stack([m[0] for m in made])), torch.tensor([m[1] for m in made])


def _masks(labels, classes, named):
    return {name: np.isin(labels.numpy(), [classes.index(c) for c in members]) for name, members in named.items()}


def camera_clips(args):
    """Motion of the whole picture."""
    classes = camera_watch.CLASSES
    maker = ClipMaker([(1.0, load_videos(args.videos, args.cache, "held-out"))], args.seed + 3 * 10 ** 6)
    clips, labels = _make(args.clips, classes, maker.make)
    return HeldOut(clips, labels, _masks(labels, classes, {
        "steady": classes[:1], "pan and tilt": classes[1:5], "zoom": classes[5:7], "roll": classes[7:9], "shake": classes[9:10], "covered and defocused": classes[10:]}))


def motion_clips(args):
    """Motion of one thing before a picture that stands still."""
    classes = motion_watch.CLASSES
    maker, details = make_maker(args, "held-out", args.seed + 3 * 10 ** 6), [{} for _ in range(args.clips)]
    clips, labels = _make(args.clips, classes, lambda i, label: maker.make(i, label, details[i]))
    moving, high = labels.numpy() != 0, np.array([d["high"] for d in details])
    groups = _masks(labels, classes, {
        "still": classes[:1], "left, right, up, down": classes[1:5], "approaching and leaving": classes[5:7], "appearing and vanishing": classes[7:]})
    groups[f"things lower than {SMALL} of the picture"] = moving & (high < SMALL)
    groups[f"things of {SMALL} to {LARGE}"] = moving & (high >= SMALL) & (high < LARGE)
    groups[f"things of {LARGE} and more"] = moving & (high >= LARGE)
    return HeldOut(clips, labels, groups)


def held_out_clips(labels, args):
    """Clips for a model with these labels."""
    for classes, make in ((camera_watch.CLASSES, camera_clips), (motion_watch.CLASSES, motion_clips)):
        if labels == classes:
            return make(args)
    raise SystemExit(f"{args.model}: its labels are neither those of camera-watch nor those of motion-watch")
