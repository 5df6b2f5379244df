# SPDX-License-Identifier: MIT
"""Labelled clips: one thing or person moves along a known way in front of a real or generated scene that stands
still."""

import cv2
import numpy as np

from . import CLASSES, FRAMES, INTERVAL, SIDE
from .motion import sample_way
from clips.camera_watch.clips import RENDER_SIDES, Maker, shrink
from clips.camera_watch.degrade import Look, Overlay, frame_times, jpeg
from clips.camera_watch.motion import tremor, GRID
from clips.camera_watch.scenery import Mover


class Thing:
    """What moves: a person cut out of footage, or a textured shape."""

    def __init__(self, rng, people, texture, smallest, largest):
        self.high = smallest * (largest / smallest) ** rng.random()
        self.run = None
        if people and rng.random() < 0.6:
            self.run = people[int(rng.integers(len(people)))]  # [FRAMES, h, w, 4]
            self.mirrored, self.backwards = rng.random() < 0.5, rng.random() < 0.3
            self.held = int(rng.integers(FRAMES)) if rng.random() < 0.25 else None
            self.wide = self.high * self.run.shape[2] / self.run.shape[1]
            self.tint = np.exp(rng.normal(0, 0.25, 3)) * np.exp(rng.normal(0, 0.2))
        else:
            shape = Mover(rng, texture, 0.6)
            self.patch, self.mask = shape.patch, shape.mask
            self.wide = self.high * rng.uniform(0.3, 1.6)

    def picture(self, i):
        """RGB and opacity of the thing in picture i."""
        if self.run is None:
            return self.patch, self.mask
        if self.held is not None:
            i = self.held
        cut = self.run[FRAMES - 1 - i if self.backwards else i]
        if self.mirrored:
            cut = cut[:, ::-1]
        return np.clip(cut[..., :3] * self.tint, 0, 255).astype(np.uint8), cut[..., 3]

    def box(self, x, y, size, side):
        """Left, top, width, height in pixels."""
        h, w = max(2.0, self.high * size * side), max(2.0, self.wide * size * side)
        return x * side - w / 2, y * side - h / 2, w, h

    def draw(self, picture, i, x, y, size, opacity):
        """Paint the thing into picture [R, R, 3]; returns the new picture."""
        if opacity <= 0.01:
            return picture
        side = picture.shape[0]
        colour, mask = self.picture(i)
        left, top, w, h = self.box(x, y, size, side)
        move = np.array([[w / colour.shape[1], 0, left], [0, h / colour.shape[0], top]])
        enlarged = h / colour.shape[0] > 0.5
        if not enlarged:  # shrink first, so that no detail is skipped
            colour, mask = (cv2.resize(c, (max(2, round(w)), max(2, round(h))), interpolation=cv2.INTER_AREA) for c in (colour, mask))
            move = np.array([[w / colour.shape[1], 0, left], [0, h / colour.shape[0], top]])
        layer = cv2.warpAffine(np.ascontiguousarray(colour), move, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.warpAffine(np.ascontiguousarray(mask), move, (side, side), flags=cv2.INTER_LINEAR)
        alpha = (alpha.astype(np.uint16) * int(256 * opacity) // 255)[..., None]
        return ((picture * (256 - alpha) + layer * alpha) >> 8).astype(np.uint8)


def true_motion(boxes, opacities):
    """Motion of the 6 x 6 places, in the form of camera_watch.clips.true_motion. Places that show the thing have its
    travel; the others have none. The last number is the share of the place that the thing covers."""
    field = np.zeros((FRAMES // 2, 6, 6, 6), np.float32)
    edges = np.arange(7) / 6

    def covered(box):
        left, top, w, h = box
        across = np.clip(np.minimum(left + w, edges[1:]) - np.maximum(left, edges[:-1]), 0, None) * 6
        down = np.clip(np.minimum(top + h, edges[1:]) - np.maximum(top, edges[:-1]), 0, None) * 6
        return down[:, None] * across[None]  # [6 rows, 6 columns]

    places = (np.arange(6) + 0.5) / 6
    v, u = np.meshgrid(places, places, indexing="ij")
    for i in range(FRAMES):
        j, share = i // 2, covered(boxes[i]) * opacities[i]
        field[j, ..., 5] += share / 2
        field[j, ..., 4] += opacities[min(i + 1, FRAMES - 1)] * 2 - opacities[i] * 2 if i + 1 < FRAMES else 0  # coming and going
        if i + 1 < FRAMES:
            (l0, t0, w0, h0), (l1, t1, w1, h1) = boxes[i], boxes[i + 1]
            dx = l1 + (u - l0) / w0 * w1 - u
            dy = t1 + (v - t0) / h0 * h1 - v
            field[j, ..., 2 * (i % 2)] = 6 * dx * (share > 0.25)
            field[j, ..., 2 * (i % 2) + 1] = 6 * dy * (share > 0.25)
    field[-1, ..., 2:4] = np.nan
    return field


class ClipMaker(Maker):
    """Makes clips from still scenes and runs of people."""

    def __init__(self, groups, people, seed, ramp=None, smallest=0.15, largest=0.75):
        super().__init__(groups, seed, ramp)
        self.people = people
        self.sizes = smallest, largest
        self.class_weights = np.full(len(CLASSES), 0.84 / (len(CLASSES) - 1))
        self.class_weights[0] = 0.16

    def _scene(self, rng, side, shift):
        """The empty scene as seen in each picture: FRAMES pictures [side, side, 3]; shift [FRAMES, 2] in picture sides (wind)."""
        source = self.pick(rng)
        content = source.frames[int(rng.integers(len(source.frames)))]
        high, wide = content.shape[:2]
        view = min(high, wide) * rng.uniform(0.55, 0.98)
        x, y = rng.uniform(view / 2, wide - view / 2), rng.uniform(view / 2, high - view / 2)
        mirror, pictures, last = rng.random() < 0.5, [], None
        for dx, dy in shift:
            if last is not None and (dx, dy) == last:
                pictures.append(pictures[-1])
                continue
            last = dx, dy
            turn = view / side
            matrix = np.array([[turn, 0, x + view * dx - turn * (side / 2 - 0.5) - 0.5], [0, turn, y + view * dy - turn * (side / 2 - 0.5) - 0.5]])
            picture = cv2.warpAffine(content, matrix, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101)
            pictures.append(np.ascontiguousarray(picture[:, ::-1]) if mirror else picture)
        return pictures

    def make(self, index, label=None, detail=None):
        """Clip [FRAMES, SIDE, SIDE, 3] uint8 RGB, its class number, and the true motion [FRAMES / 2, 6, 6, 6].
        detail: a dictionary that receives the thing's height and kind."""
        rng = np.random.default_rng([self.seed, index])
        number = int(rng.choice(len(CLASSES), p=self.class_weights)) if label is None else label
        name = CLASSES[number]
        clear = self.is_clear(rng, index)
        times = np.arange(FRAMES) * INTERVAL if clear else frame_times(rng)
        side = int(rng.choice(RENDER_SIDES))
        size = tremor(rng, rng.uniform(0, 0.003)) if rng.random() < 0.25 and not clear else np.zeros(len(GRID))
        shift = np.stack([np.interp(times, GRID, size), np.interp(times, GRID, 0.7 * size)], 1)
        scene = self._scene(rng, side, [tuple(s) for s in shift])
        smallest = 0.35 if clear else self.sizes[0]
        thing = Thing(rng, self.people, self.pick(rng).frames[0], smallest, self.sizes[1])
        way = sample_way(rng, name, thing.high)
        there = name != "still" or rng.random() < 0.75  # an empty scene is still, too
        others = [(Thing(rng, self.people, self.pick(rng).frames[0], self.sizes[0], 0.5), rng.uniform(0, 1, 2))
                  for _ in range(int(rng.integers(1, 3)))] if rng.random() < 0.15 and not clear else []
        look = Look(rng, sudden_light=0.08 if name == "still" else 0.03, clear=clear)
        overlay = Overlay(rng, side) if rng.random() < 0.15 and not clear else None
        quality = int(rng.integers(20, 80)) if rng.random() < 0.2 and not clear else None
        now = way.at(times)
        pictures, previous = [], None
        for i, t in enumerate(times):
            if previous is not None and t == previous:
                pictures.append(pictures[-1])
                continue
            previous = t
            picture = scene[i].copy()
            for other, (x, y) in others:
                picture = other.draw(picture, 0, x, y, 1.0, 1.0)
            if there:
                picture = thing.draw(picture, i, now.x[i], now.y[i], now.size[i], now.opacity[i])
            picture = look.apply(picture, i, t)
            if overlay is not None:
                picture = overlay.draw(picture, t)
            pictures.append(picture)
        tent = rng.random() < 0.5
        if quality:
            pictures = [jpeg(p, quality) for p in pictures]
        boxes = [tuple(v / side for v in thing.box(now.x[i], now.y[i], now.size[i], side)) for i in range(FRAMES)]
        opacities = now.opacity if there else np.zeros(FRAMES)
        if detail is not None:
            detail.update(high=thing.high, person=thing.run is not None)
        return np.stack([shrink(p, tent) for p in pictures]), number, true_motion(boxes, opacities)
