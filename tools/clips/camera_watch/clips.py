# SPDX-License-Identifier: MIT
"""Labelled clips: a virtual camera looks at real footage along a known path.

Clip number i depends on nothing except the seed and i.
"""

import dataclasses
import os

import cv2
import numpy as np

from . import CLASSES, FRAMES, INTERVAL, SIDE
from .degrade import Look, Overlay, codec_trip, frame_times, jpeg
from .motion import chance, sample_path
from .people import Figure
from .scenery import Cover, Mover

RENDER_SIDES = (112, 128, 144, 160, 192, 192, 192, 192)
_TENT = np.array([1, 3, 3, 1], np.float32) / 8  # triangle filter for halving, as in antialiased bilinear resizing


def shrink(picture, tent):
    """picture [R, R, 3] to [SIDE, SIDE, 3] with an antialiasing filter."""
    if tent and picture.shape[0] == 2 * SIDE:
        return cv2.sepFilter2D(picture, -1, _TENT, _TENT, anchor=(1, 1), borderType=cv2.BORDER_REPLICATE)[::2, ::2]
    return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def defocus(picture, sigma, disc):
    """Blur with a Gaussian, or with the disc that an open lens draws (the same second moment: radius = 2 sigma)."""
    radius = 2 * sigma
    if not disc or radius < 1.5:
        return cv2.GaussianBlur(picture, (0, 0), sigma)
    n = int(np.ceil(radius))
    y, x = np.mgrid[-n:n + 1, -n:n + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def has_structure(picture, walls=False):
    """Whether a picture [R, R, 3] shows enough for motion and focus to be seen in it: a third of its 36 parts are not
    flat, and its edges are sharp. walls: a quarter of the parts is enough, and more than two thirds are too many."""
    small = cv2.cvtColor(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY).astype(np.float32)
    parts = small.reshape(6, SIDE // 6, 6, SIDE // 6).transpose(0, 2, 1, 3).reshape(36, -1)
    share = np.mean(parts.std(1) > 7)
    return np.percentile(np.abs(cv2.Laplacian(small, cv2.CV_32F)), 97) > 28 and (0.25 < share < 0.67 if walls else share > 0.33)


def true_motion(state, centre, view, stretch, tilt):
    """What happens at each of 6 x 6 places during each pair of frames: [FRAMES / 2, 6, 6, 6] float32.

    Last dimension: how far the picture's content moves from the pair's first frame to its second (x, y), and from there to the
    next pair's first frame (x, y), in sixths of the picture; defocus (sigma, in sixths of the picture); share covered.
    Not-a-number where there is nothing to know. The training uses this as a second thing to learn."""
    places = (np.arange(6) + 0.5) / 6 - 0.5
    u = np.stack(np.meshgrid(places, places), -1).reshape(36, 2)
    shapes, origins = [], []
    for i in range(FRAMES):
        size, angle = view * np.exp(state.zoom[i, 0]), tilt + state.roll[i, 0]
        c, s = np.cos(angle), np.sin(angle)
        shapes.append(size * np.array([[c * stretch, -s], [s * stretch, c]]))
        origins.append(centre + view * np.array([state.dx[i, 0], state.dy[i, 0]]))
    field = np.full((FRAMES // 2, 36, 6), np.nan, np.float32)
    for i in range(FRAMES - 1):
        moved = (u @ shapes[i].T + origins[i] - origins[i + 1]) @ np.linalg.inv(shapes[i + 1]).T - u
        if max(state.cover[i, 0], state.cover[i + 1, 0]) < 0.5:
            field[i // 2, :, 2 * (i % 2):2 * (i % 2) + 2] = 6 * moved
    for j in range(FRAMES // 2):
        cover = state.cover[2 * j:2 * j + 2, 0].mean()
        field[j, :, 4] = 6 * state.blur[2 * j:2 * j + 2, 0].mean() if cover < 0.5 else np.nan
        field[j, :, 5] = cover
    return field.reshape(FRAMES // 2, 6, 6, 6)


class Maker:
    """Common parts of all clip makers: groups of sources, groups = [(weight, [Source, ...]), ...], and how hard clips
    begin."""

    def __init__(self, groups, seed, ramp=None):
        self.groups = [g for g in groups if g[1]]
        self.weights = np.array([g[0] for g in self.groups], float)
        self.weights /= self.weights.sum()
        self.seed = seed
        self.ramp = ramp  # (first, last, most): share of hard clips rises from 0 at clip number `first` to `most` at `last`

    def pick(self, rng):
        sources = self.groups[rng.choice(len(self.groups), p=self.weights)][1]
        return sources[int(rng.integers(len(sources)))]

    def is_clear(self, rng, index):
        """Whether clip number `index` is one of the plain ones that a training begins with."""
        if not self.ramp or index >= 10 ** 8:
            return False
        first, last, most = self.ramp
        return rng.random() > most * min(1.0, max(0.0, (index - first) / (last - first)))


@dataclasses.dataclass
class Variety:
    """Variations that only a training sees. The test clips stay as they are, so that figures can be compared."""
    people: list = ()  # runs of cut-out people (people.py) who walk through the scenes
    pace: tuple = (0.8, 1.25)  # slowest and quickest play of footage
    # Share of the losses of focus, and half that share of the covers, that have only just come; some sooner than a
    # test would ask for.
    begins: float = 0.0
    any_way: float = 0.0  # share of the walking people who pass close by in any direction and not across
    walls: float = 0.0  # share of the losses of focus in front of a blank wall, which does not show them
    soft: float = 0.0  # share of the clips seen through a cheap lens, whose softness is not a loss of focus
    soft_steady: float = 0.0  # the same share of the steady clips, where softness must not be taken for a loss of focus
    whole: float = 0.0  # share of the views that show all that the source's camera saw, as when nothing is wrong
    oftener: dict = dataclasses.field(default_factory=dict)  # how many times as often each class is drawn (not steady)


class ClipMaker(Maker):
    """Makes clips of scenes that a moving camera sees."""

    def __init__(self, groups, seed, steady_share=0.25, ramp=None, variety=Variety()):
        super().__init__(groups, seed, ramp)
        self.variety = variety
        rest = np.array([variety.oftener.get(name, 1.0) for name in CLASSES[1:]])
        self.class_weights = np.concatenate([[steady_share], (1 - steady_share) * rest / rest.sum()])

    def make(self, index, label=None, raw=False):
        """Clip [FRAMES, SIDE, SIDE, 3] uint8 RGB, its class number, and its true motion [FRAMES / 2, 6, 6, 6] (see true_motion).
        raw: pictures before codec and shrinking."""
        rng = np.random.default_rng([self.seed, index])
        number = int(rng.choice(len(CLASSES), p=self.class_weights)) if label is None else label
        name = CLASSES[number]
        clear = self.is_clear(rng, index)
        times = np.arange(FRAMES) * INTERVAL if clear else frame_times(rng)
        side = 192 if raw else int(rng.choice(RENDER_SIDES))
        frames, motion = self._render(rng, name, times, side, clear)
        if raw:
            return np.stack(frames), number, motion
        tent = rng.random() < 0.5
        quality = int(rng.integers(15, 75)) if rng.random() < 0.2 and not clear else None
        if quality:
            frames = [jpeg(f, quality) for f in frames]
        return np.stack([shrink(f, tent) for f in frames]), number, motion

    def _render(self, rng, name, times, side, clear=False):
        """Pictures as a camera of side x side pixels takes them."""
        exposures = 3 if rng.random() < 0.25 and not clear else 1
        shutter = rng.uniform(0.01, 0.05) * np.linspace(-0.5, 0.5, exposures) if exposures > 1 else np.zeros(1)
        mirror = rng.random() < 0.5
        border = int(rng.choice([cv2.BORDER_REFLECT_101, cv2.BORDER_REFLECT_101, cv2.BORDER_REFLECT_101, cv2.BORDER_CONSTANT,
                                 cv2.BORDER_REPLICATE]))
        walls = name == "defocused" and chance(rng, self.variety.walls)
        for _ in range(8):  # until the camera looks at something
            source = self.pick(rng)
            path = sample_path(rng, name, clear, self.variety.begins)
            high, wide = source.frames.shape[1:3]
            view = rng.uniform(100, min(min(high, wide) * 0.97, side * 1.55))  # short side of the view in source pixels
            if chance(rng, self.variety.whole):
                view = rng.uniform(0.9, 1.0) * min(min(high, wide) * 0.99, side * 1.55)
            stretch = np.exp(rng.normal(0, 0.08))
            tilt = rng.normal(0, 0.04) if rng.random() < 0.9 else rng.uniform(-0.5, 0.5)
            state = path.at(times[:, None] + shutter)  # each [FRAMES, exposures]
            centre = self._aim(rng, state, view, wide, high)
            begin, pace = rng.uniform(0, 600), rng.uniform(*self.variety.pace)
            where = (centre, view, stretch, tilt, mirror, side, border)
            if all(has_structure(self._look_at(source.frames[source.at(begin + pace * times[i])], state, (i, 0), *where), walls)
                   for i in (1, -2)):
                break
        frozen = name == "steady" and rng.random() < 0.04
        busy = (0.45 if name == "steady" else 0.2) * (0.3 if clear else 1)
        movers = [Mover(rng, self.pick(rng).frames[0], 0.9 if rng.random() < 0.2 else 0.6)
                  for _ in range(int(rng.integers(1, 4)))] if rng.random() < busy else []
        figures = self._figures(rng, name, source, (wide - 1 - centre[0] if mirror else centre[0], centre[1]), view)
        cover = Cover(rng, side) if path.cover.max() > 0 else None
        look = Look(rng, sudden_light=0.1 if name == "steady" else 0.03, clear=clear)
        overlay = Overlay(rng, side) if rng.random() < 0.2 and not clear else None
        disc = rng.random() < 0.35
        soft = rng.uniform(0, 0.013) if chance(rng, self.variety.soft_steady if name == "steady" else self.variety.soft) else 0.0
        pictures, previous = [], None
        for i, t in enumerate(times):
            if previous is not None and t == previous:  # the same picture again
                pictures.append(pictures[-1])
                continue
            previous = t
            content = source.frames[source.at(begin if frozen else begin + pace * t)]
            if figures:
                content = content.copy()
            for figure in figures:
                figure.draw(content, t)
            parts = [self._look_at(content, state, (i, e), *where) for e in range(exposures)]
            picture = parts[0] if exposures == 1 else np.mean(parts, axis=0, dtype=np.float32).astype(np.uint8)
            for mover in movers:
                mover.draw(picture, t)
            if cover is not None:
                picture = cover.draw(picture, float(state.cover[i, 0]), t)
            sigma = float(np.hypot(state.blur[i, 0], soft)) * side
            if sigma > 0.25:
                picture = defocus(picture, sigma, disc)
            picture = look.apply(picture, i, t)
            if overlay is not None:
                picture = overlay.draw(picture, t)
            pictures.append(picture)
        return pictures, true_motion(state, centre, view, stretch, tilt)

    def _figures(self, rng, name, source, place, view):
        """People who walk through the scene; often in places where nobody walks in reality."""
        if not self.variety.people or rng.random() > (0.5 if len(source.frames) == 1 else 0.2) * (1.3 if name == "steady" else 1.0):
            return []
        return [Figure(rng, self.variety.people, np.array(place), view, self.variety.any_way) for _ in range(int(rng.integers(1, 3)))]

    @staticmethod
    def _aim(rng, state, view, wide, high):
        """Centre of the view in source pixels so that the whole path stays inside the source, if it can."""
        half = 0.5 * view * np.exp(np.max(state.zoom))
        centre = []
        for way, size in ((state.dx * view, wide), (state.dy * view, high)):
            low, top = half - way.min(), size - half - way.max()
            centre.append(rng.uniform(low, top) if low < top else (low + top) / 2 + rng.normal(0, 0.05) * size)
        return np.array(centre)

    @staticmethod
    def _look_at(content, state, at, centre, view, stretch, tilt, mirror, side, border):
        """One picture [side, side, 3]. One affine sampling applies the camera's position, zoom and angle."""
        size = view * np.exp(state.zoom[at])
        angle = tilt + state.roll[at]
        c, s = np.cos(angle), np.sin(angle)
        # picture pixel p -> source point: centre + shift + size * rotation * ((p + 0.5) / side - 0.5), minus half a
        # pixel
        turn = size / side * np.array([[c * stretch, -s], [s * stretch, c]])
        point = centre + view * np.array([state.dx[at], state.dy[at]]) - turn @ np.array([side / 2 - 0.5, side / 2 - 0.5]) - 0.5
        matrix = np.hstack([turn, point[:, None]])
        if mirror:
            matrix[0] = -matrix[0]
            matrix[0, 2] += content.shape[1] - 1
        return cv2.warpAffine(content, matrix, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border)


def build_codec_pool(maker, count, folder, progress=None, group=25):
    """Clips that went through real video codecs, kept on disk.

    Returns (clips [count, FRAMES, SIDE, SIDE, 3] memory map, labels, motions)."""
    base = os.path.join(folder, f"codec-{maker.seed}-{count}")
    clips_file, labels_file, motions_file = base + ".npy", base + "-labels.npy", base + "-motions.npy"
    if not os.path.exists(labels_file):
        os.makedirs(folder, exist_ok=True)
        clips = np.lib.format.open_memmap(clips_file, "w+", np.uint8, (count, FRAMES, SIDE, SIDE, 3))
        labels = np.zeros(count, np.int64)
        motions = np.zeros((count, FRAMES // 2, 6, 6, 6), np.float32)
        for begin in range(0, count, group):
            rng = np.random.default_rng([maker.seed, 7002, begin])
            numbers = range(begin, min(begin + group, count))
            made = [maker.make(10 ** 9 + i, raw=True) for i in numbers]
            # Two still pictures lead each clip, so that the codec has settled where the clip begins.
            lead = [np.concatenate([m[0][:1], m[0][:1], m[0]]) for m in made]
            decoded = codec_trip(np.concatenate(lead), rng).reshape(len(made), FRAMES + 2, *made[0][0].shape[1:])[:, 2:]
            for i, pictures, (_, label, motion) in zip(numbers, decoded, made):
                clips[i] = [shrink(p, i % 2 == 0) for p in pictures]
                labels[i], motions[i] = label, motion
            if progress:
                progress(min(begin + group, count), count)
        clips.flush()
        np.save(motions_file, motions)
        np.save(labels_file, labels)
    return np.load(clips_file, mmap_mode="r"), np.load(labels_file), np.load(motions_file)
