# SPDX-License-Identifier: MIT
"""Figures cut out of footage of a standing camera: short runs of a moving person whose own travel is taken out.

What differs from the video's median picture is the person. Each run holds FRAMES pictures of the person, cut along their box and
scaled to one height, so that a path of the training's own can move a figure whose limbs move as people's do.
"""

import hashlib
import os

import cv2
import numpy as np

from . import FRAMES, INTERVAL

HEIGHT = 96  # of a cut-out figure, pixels
WIDEST = 128
LEAST, MOST = 0.01, 0.45  # share of the picture that a person may fill


def _mask(picture, median):
    """Where a person is [h, w] uint8 0 or 255: the largest connected region that differs from the empty scene."""
    differs = np.abs(picture.astype(np.int16) - median).max(2)
    rough = (cv2.GaussianBlur(differs.astype(np.float32), (0, 0), 2) > 22).astype(np.uint8)
    rough = cv2.morphologyEx(rough, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    rough = cv2.morphologyEx(rough, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    count, marks, stats, _ = cv2.connectedComponentsWithStats(rough)
    if count < 2:
        return None, None
    best = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    x, y, w, h, area = stats[best]
    if not LEAST < area / rough.size < MOST or h < 40:
        return None, None
    filled = cv2.morphologyEx((marks == best).astype(np.uint8) * 255, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    return cv2.GaussianBlur(filled, (0, 0), 1.2), (x, y, w, h)


def _run(source, begin, median):
    """One run [FRAMES, HEIGHT, w, 4] uint8 RGBA that starts at time `begin`, or None where no whole person is seen throughout."""
    cuts = []
    for i in range(FRAMES):
        picture = source.frames[source.at(begin + i * INTERVAL)]
        mask, box = _mask(picture, median)
        if mask is None:
            return None
        cuts.append((picture, mask, box))
    widths = [c[2][2] / c[2][3] for c in cuts]
    if max(widths) > 2.2 * min(widths) or np.median(widths) > 1.0:  # the person falls or lies, or two things were taken for one
        return None
    wide = min(WIDEST, int(HEIGHT * max(widths)) + 2)
    run = np.zeros((FRAMES, HEIGHT, wide, 4), np.uint8)
    for i, (picture, mask, (x, y, w, h)) in enumerate(cuts):
        scale = HEIGHT / h
        move = np.array([[scale, 0, wide / 2 - scale * (x + w / 2)], [0, scale, -scale * y]])
        run[i, ..., :3] = cv2.warpAffine(picture, move, (wide, HEIGHT), flags=cv2.INTER_LINEAR)
        run[i, ..., 3] = cv2.warpAffine(mask, move, (wide, HEIGHT), flags=cv2.INTER_LINEAR)
    return run


def cut_people(sources, cache, step=0.4):
    """Runs of people [list of [FRAMES, HEIGHT, w, 4]] from videos; kept in the cache folder."""
    names = "|".join(sorted(s.name for s in sources))
    path = os.path.join(cache, "people-" + hashlib.sha1(f"{names} {HEIGHT} {step} upright".encode()).hexdigest()[:12] + ".npz")
    if not os.path.exists(path):
        runs = []
        for source in sources:
            if len(source.times) < 40:
                continue
            median = np.median(source.frames[::max(1, len(source.times) // 60)], axis=0).astype(np.int16)
            for begin in np.arange(0, source.times[-1] - FRAMES * INTERVAL, step):
                run = _run(source, begin, median)
                if run is not None:
                    runs.append(run)
        os.makedirs(cache, exist_ok=True)
        np.savez(path, *runs)
    with np.load(path) as file:
        return [file[k] for k in file.files]
