# SPDX-License-Identifier: MIT
"""Mirrored and reversed clips: the same footage with another motion, which is known too."""

import numpy as np

from . import CLASSES
from clips.camera_watch.symmetry import exchange, mirrored_motion, reversed_motion


_MIRRORED = exchange(CLASSES, ("left", "right"))
_REVERSED = exchange(CLASSES, ("left", "right"), ("up", "down"), ("approaching", "leaving"), ("appearing", "vanishing"))


def counterpart(clip, label, motion, rng):
    """Another clip [F, S, S, 3], its label and motion: reversed in time, or mirrored left to right."""
    if rng.random() < 0.6:
        motion = reversed_motion(motion)
        motion[..., 4] *= -1  # what appeared now vanishes
        return np.ascontiguousarray(clip[::-1]), int(_REVERSED[label]), motion
    return np.ascontiguousarray(clip[:, :, ::-1]), int(_MIRRORED[label]), mirrored_motion(motion, 0)
