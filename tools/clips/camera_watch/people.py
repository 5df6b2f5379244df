# SPDX-License-Identifier: MIT
"""Cuts figures of moving people out of footage of a standing camera, and lets them walk through other scenes.

The person is what differs from the video's median picture. Each run holds FRAMES pictures of the person, cut along
their box and scaled to one height. That takes the person's own travel out. A path of the training's own can then move a
figure whose limbs move like those of people.
"""

import hashlib
import os

import cv2
import numpy as np

from . import FRAMES, INTERVAL
from .motion import chance
from .scenery import overlap

HEIGHT = 96  # of a cut-out figure, pixels
WIDEST = 128
LEAST, MOST = 0.01, 0.45  # least and most share of the picture that a person may fill


def _mask(picture, median):
    """Mask of a person [h, w] uint8, 0 or 255: the largest connected region that differs from the empty scene."""
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


def _run(source, begin, median, upright):
    """One run [FRAMES, HEIGHT, w, 4] uint8 RGBA from time `begin` on. None if some picture does not show a whole
    person."""
    cuts = []
    for i in range(FRAMES):
        picture = source.frames[source.at(begin + i * INTERVAL)]
        mask, box = _mask(picture, median)
        if mask is None:
            return None
        cuts.append((picture, mask, box))
    widths = [c[2][2] / c[2][3] for c in cuts]
    if upright and (max(widths) > 2.2 * min(widths) or np.median(widths) > 1.0):  # the person falls or lies, or two things were taken for one
        return None
    wide = min(WIDEST, int(HEIGHT * max(widths)) + 2)
    run = np.zeros((FRAMES, HEIGHT, wide, 4), np.uint8)
    for i, (picture, mask, (x, y, w, h)) in enumerate(cuts):
        scale = HEIGHT / h
        move = np.array([[scale, 0, wide / 2 - scale * (x + w / 2)], [0, scale, -scale * y]])
        run[i, ..., :3] = cv2.warpAffine(picture, move, (wide, HEIGHT), flags=cv2.INTER_LINEAR)
        run[i, ..., 3] = cv2.warpAffine(mask, move, (wide, HEIGHT), flags=cv2.INTER_LINEAR)
    return run


def cut_people(sources, cache, step=0.4, upright=True):
    """Runs of people [list of [FRAMES, HEIGHT, w, 4]] from videos; kept in the cache folder. upright: leaves out people
    who fall, lie or crouch."""
    names = "|".join(sorted(s.name for s in sources))
    path = os.path.join(cache, "people-" + hashlib.sha1(f"{names} {HEIGHT} {step} {'upright' if upright else 'all'}".encode()).hexdigest()[:12] + ".npz")
    if not os.path.exists(path):
        runs = []
        for source in sources:
            if len(source.times) < 40:
                continue
            median = np.median(source.frames[::max(1, len(source.times) // 60)], axis=0).astype(np.int16)
            for begin in np.arange(0, source.times[-1] - FRAMES * INTERVAL, step):
                run = _run(source, begin, median, upright)
                if run is not None:
                    runs.append(run)
        os.makedirs(cache, exist_ok=True)
        np.savez(path, *runs)
    with np.load(path) as file:
        return [file[k] for k in file.files]


class Figure:
    """A person cut out of footage who walks through another scene. The person is drawn into the scene itself, before
    the camera looks at it. So the camera's motion moves the person together with everything else."""

    def __init__(self, rng, people, place, view, any_way=0.0):
        """place [2]: where the camera looks, view: short side of what it sees, both in pixels of the scene. any_way:
        share of the people who are close to the camera and walk in any direction, also up and down the picture; the
        others walk across."""
        self.run = people[int(rng.integers(len(people)))]
        colours = np.clip(np.exp(rng.normal(0, 0.25, 3)) * rng.uniform(0.6, 1.3), 0.2, 2.0)
        self.table = np.clip(np.arange(256)[:, None] * colours, 0, 255).astype(np.uint8)[None]
        self.order = rng.permutation(3) if rng.random() < 0.3 else np.arange(3)
        self.mirror = rng.random() < 0.5
        self.high = view * 0.3 * (1.4 / 0.3) ** rng.random()
        speed = 0.02 * (0.8 / 0.02) ** rng.random()
        angle = rng.choice([0, np.pi]) + rng.normal(0, 0.25)
        if chance(rng, any_way):
            self.high = view * rng.uniform(0.8, 2.0)
            speed = rng.uniform(0.2, 1.0)
            angle = rng.uniform(0, 2 * np.pi)
        self.velocity = view * speed * np.array([np.cos(angle), np.sin(angle)])
        self.place = place + view * rng.uniform(-0.4, 0.4, 2) - 0.75 * self.velocity
        self.growth = rng.normal(0, 0.3)
        self.begin, self.pace = rng.uniform(0, FRAMES), rng.uniform(0.5, 1.8)

    def draw(self, scene, t):
        """Paint the person at time t into scene [h, w, 3] uint8 in place."""
        last = FRAMES - 1
        k = (self.begin + self.pace * (t + 1.0) / INTERVAL) % (2 * last)
        cut = self.run[int(round(min(k, 2 * last - k)))]
        h = int(self.high * np.exp(self.growth * (t - 0.75)))
        w = h * cut.shape[1] // HEIGHT
        if h < 8 or w < 3:
            return
        x, y = (int(v) for v in self.place + self.velocity * t - [w / 2, h / 2])
        where = overlap(scene, x, y, w, h)
        if not where:
            return
        seen, part = where
        cut = cv2.resize(cut[:, ::-1] if self.mirror else cut, (w, h), interpolation=cv2.INTER_LINEAR)[part]
        alpha = cut[..., 3:].astype(np.uint16)
        person = cv2.LUT(np.ascontiguousarray(cut[..., self.order]), self.table)
        scene[seen] = ((scene[seen] * (255 - alpha) + person * alpha) // 255).astype(np.uint8)
