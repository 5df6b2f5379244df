# SPDX-License-Identifier: MIT
"""Mirrored and reversed clips: the same footage with another motion, which is known too."""

import numpy as np

from . import CLASSES


def exchange(labels, *pairs):
    """Class numbers [len(labels)] after the members of each pair have changed places."""
    order = np.arange(len(labels))
    for a, b in pairs:
        i, j = labels.index(a), labels.index(b)
        order[i], order[j] = j, i
    return order


_PAN, _TILT = ("pan-left", "pan-right"), ("tilt-up", "tilt-down")
_ZOOM, _ROLL = ("zoom-in", "zoom-out"), ("roll-clockwise", "roll-counterclockwise")
_LEFT_RIGHT, _UP_DOWN, _REVERSED = exchange(CLASSES, _PAN, _ROLL), exchange(CLASSES, _TILT, _ROLL), exchange(CLASSES, _PAN, _TILT, _ZOOM, _ROLL)


def reversed_motion(motion):
    """true_motion [P, 6, 6, 6] of the clip played backwards. Moves change sign. The move from a pair to the next one
    becomes that of the next pair."""
    back = motion[::-1].copy()
    back[:, ..., :2] = -motion[::-1, ..., :2]
    back[:-1, ..., 2:4] = -motion[-2::-1, ..., 2:4]
    back[-1, ..., 2:4] = np.nan
    return back


def mirrored_motion(motion, axis):
    """true_motion after the pictures were mirrored: axis 0 left to right, 1 top to bottom."""
    mirrored = np.flip(motion, 2 - axis).copy()
    mirrored[..., axis] *= -1
    mirrored[..., 2 + axis] *= -1
    return mirrored


def counterpart(clip, label, motion, rng):
    """Another clip [F, S, S, 3], its label and motion: reversed in time, mirrored left to right, or mirrored top to bottom."""
    kind = rng.choice(3, p=(0.6, 0.25, 0.15))
    if kind == 0:
        return np.ascontiguousarray(clip[::-1]), int(_REVERSED[label]), reversed_motion(motion)
    if kind == 1:
        return np.ascontiguousarray(clip[:, :, ::-1]), int(_LEFT_RIGHT[label]), mirrored_motion(motion, 0)
    return np.ascontiguousarray(clip[:, ::-1]), int(_UP_DOWN[label]), mirrored_motion(motion, 1)
