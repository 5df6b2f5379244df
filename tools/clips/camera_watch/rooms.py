# SPDX-License-Identifier: MIT
"""Generated rooms, ray-cast as a camera on the wall sees them. Surveillance mostly looks at rooms, but few free
pictures show them.

A room is a box of six faces with furniture (boxes turned about the vertical) in it. Walls are mostly blank, like real
ones. Motion and focus can only be seen at edges, skirting, doors, windows, pictures and furniture. Units: metres; x
along the room, y across it, z up. Rays: [h * w, 3].
"""

import cv2
import numpy as np

from .scenery import value_noise


def _paint(rng, bright=True):
    """A colour [3] float32 of walls and furniture: mostly pale or brown, now and then strong."""
    if rng.random() < 0.55:
        grey = rng.uniform(120, 240) if bright else rng.uniform(25, 190)
        return np.clip(grey * np.exp(rng.normal(0, 0.06, 3)), 0, 255).astype(np.float32)
    hue, saturation, value = rng.uniform(0, 180), rng.uniform(20, 150), rng.uniform(90, 240) if bright else rng.uniform(30, 200)
    return cv2.cvtColor(np.uint8([[[hue, saturation, value]]]), cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)


class _Surface:
    """Colours over a face: colour_at(u [n], v [n] in metres) -> [n, 3] float32."""

    def __init__(self, rng, kind, wide, high):
        self.base, self.second = _paint(rng, kind == "wall"), _paint(rng, False)
        self.pattern = rng.choice(["plain", "planks", "tiles", "stripes", "dots"],
                                  p={"wall": (0.82, 0.02, 0.06, 0.06, 0.04), "floor": (0.3, 0.3, 0.35, 0.02, 0.03),
                                     "thing": (0.5, 0.12, 0.03, 0.2, 0.15)}[kind])
        self.step = {"planks": rng.uniform(0.08, 0.25), "tiles": rng.uniform(0.15, 0.6), "stripes": rng.uniform(0.03, 0.3),
                     "dots": rng.uniform(0.06, 0.4)}.get(self.pattern, 1.0)
        self.seam = rng.uniform(0.006, 0.02)
        self.strength = rng.uniform(0.15, 1.0)
        self.grain = (value_noise(rng, 128, 128, octaves=5, first=3, fall=rng.uniform(0.5, 0.9)) - 0.5) * rng.choice([0.0, 0.05, 0.12, 0.3])
        self.tints = rng.normal(0, 0.1, 64)
        self.decals = []
        if kind == "wall":
            self._furnish(rng, wide, high)
        elif kind == "thing":
            for _ in range(int(rng.integers(0, 4))):  # drawers, doors, labels, cushions
                self._decal(rng, rng.uniform(0, wide), rng.uniform(0, high), rng.uniform(0.05, 0.6) * wide, rng.uniform(0.05, 0.6) * high)

    def _decal(self, rng, u, v, wide, high, bright=None, frame=True):
        paint = _paint(rng, rng.random() < 0.5) if bright is None else np.full(3, bright, np.float32)
        content = (value_noise(rng, 32, 32, octaves=4)[..., None] * rng.normal(0, 70, 3)).astype(np.float32) if rng.random() < 0.3 else None
        self.decals.append((u, v, wide, high, paint, _paint(rng, False) if frame and rng.random() < 0.7 else None, rng.uniform(0.02, 0.08), content,
                            rng.random() < 0.15))

    def _furnish(self, rng, wide, high):
        if rng.random() < 0.7:  # skirting
            self._decal(rng, wide / 2, 0.05, 2 * wide, rng.uniform(0.06, 0.2), frame=False)
        if rng.random() < 0.15:  # lower part in another colour
            self._decal(rng, wide / 2, 0.5, 2 * wide, rng.uniform(0.8, 1.4), frame=False)
        if rng.random() < 0.45:
            self._decal(rng, rng.uniform(0.5, wide - 0.5), 1.0, rng.uniform(0.7, 1.1), 2.05)  # door
        if rng.random() < 0.35:
            u, v, w, h = rng.uniform(0.6, wide - 0.6), rng.uniform(1.2, 1.7), rng.uniform(0.6, 1.8), rng.uniform(0.7, 1.4)  # window and its bars
            self._decal(rng, u, v, w, h, bright=rng.choice([30.0, 200.0, 250.0]))
            for k in range(int(rng.integers(0, 5))):
                self._decal(rng, u + (k / 4 - 0.5) * w, v, 0.05, h, frame=False)
            if rng.random() < 0.4:
                for side in (-1, 1):
                    self._decal(rng, u + side * 0.5 * w, v - 0.1, rng.uniform(0.2, 0.5), h + 0.4, frame=False)  # curtains
        for _ in range(int(rng.integers(0, 5))):  # pictures, clocks, sockets, shelves, hooks
            size = 0.08 * (1.0 / 0.08) ** rng.random()
            self._decal(rng, rng.uniform(0, wide), rng.uniform(0.3, high - 0.2), size, size * rng.uniform(0.3, 1.6))

    def colour_at(self, u, v):
        x, y = u / self.step, v / self.step
        row = np.floor(y)
        if self.pattern == "planks":
            mix = np.maximum((y - row) * self.step < self.seam, ((u * 0.8 + row * 0.37) % 1.0) < 0.008) * 1.0
            shade = 1 + self.tints[(row * 7 + np.floor(u * 0.8 + row * 0.37)).astype(int) % 64]
        elif self.pattern == "tiles":
            mix = np.maximum((y - row) * self.step < self.seam, (x - np.floor(x)) * self.step < self.seam) * 1.0
            shade = 1 + 0.5 * self.tints[(row * 7 + np.floor(x)).astype(int) % 64]
        elif self.pattern == "stripes":
            mix, shade = (x - np.floor(x) < 0.5) * 1.0, np.ones_like(u)
        elif self.pattern == "dots":
            mix, shade = (np.hypot(x - np.floor(x) - 0.5, y - row - 0.5) < 0.3) * 1.0, np.ones_like(u)
        else:
            mix, shade = np.zeros_like(u), np.ones_like(u)
        colour = self.base + (mix * self.strength)[:, None] * (self.second - self.base)
        shade = shade + self.grain[(v * 45).astype(int) % 128, (u * 45).astype(int) % 128]
        colour = colour * shade[:, None]
        for (cu, cv, wide, high, paint, frame, border, content, is_round) in self.decals:
            a, b = np.abs(u - cu) / wide, np.abs(v - cv) / high
            inside = np.hypot(a, b) < 0.5 if is_round else (a < 0.5) & (b < 0.5)
            if not inside.any():
                continue
            colour[inside] = paint * shade[inside, None]
            if content is not None:
                across, up = (31.9 * ((u - cu) / wide + 0.5)).astype(int)[inside], (31.9 * ((v - cv) / high + 0.5)).astype(int)[inside]
                colour[inside] += content[up, across]
            if frame is not None and not is_round:
                colour[inside & ((0.5 - a) * wide < border) | inside & ((0.5 - b) * high < border)] = frame
        return colour


def _hit_box(origin, rays, middle, half, angle, inner):
    """Distance [n] to a box (inf: missed), face's axis [n] and the point in the box's own frame [n, 3]. inner: seen from inside."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    o, d = turn @ (origin - middle), rays @ turn.T
    d = np.where(np.abs(d) < 1e-9, 1e-9, d)
    low, high = (-half - o) / d, (half - o) / d
    near, far = np.minimum(low, high), np.maximum(low, high)
    if inner:
        axis, distance = far.argmin(1), far.min(1)
    else:
        axis, distance = near.argmax(1), near.max(1)
        distance = np.where((distance < far.min(1)) & (distance > 0.05), distance, np.inf)
    point = o + np.where(np.isfinite(distance), distance, 0)[:, None] * d
    return distance, axis, point


def _face(axis, point, half):
    """Coordinates (u, v) [n] in metres on the face of each point: v is up on upright faces."""
    u = np.where(axis == 0, point[:, 1] + half[1], point[:, 0] + half[0])
    v = np.where(axis == 2, point[:, 1] + half[1], point[:, 2] + half[2])
    return u, v


def _furniture(rng, room):
    """Boxes (middle, half, angle): tables with legs, beds, cupboards, shelves, crates, mostly along the walls."""
    boxes = []
    for _ in range(int(rng.integers(1, 8))):
        kind = rng.choice(["table", "bed", "cupboard", "crate"])
        size = {"table": (rng.uniform(0.5, 1.8), rng.uniform(0.5, 0.9), rng.uniform(0.4, 0.8)), "bed": (2.0, rng.uniform(0.8, 1.7), rng.uniform(0.25, 0.6)),
                "cupboard": (rng.uniform(0.5, 1.8), rng.uniform(0.3, 0.6), rng.uniform(0.7, 2.2)), "crate": tuple(rng.uniform(0.15, 0.6, 3))}[kind]
        half = np.array(size) / 2
        angle = rng.integers(0, 4) * np.pi / 2 + (rng.normal(0, 0.03) if rng.random() < 0.7 else rng.uniform(-0.7, 0.7))
        spot = np.array([rng.uniform(0, room[0]), rng.uniform(0, room[1]), half[2]])
        if rng.random() < 0.7:
            spot[int(rng.integers(0, 2))] = 0.35 if rng.random() < 0.5 else room[int(rng.integers(0, 2))] - 0.35
        if kind == "table":
            boxes.append((spot + [0, 0, half[2] - 0.03], np.array([half[0], half[1], 0.03]), angle))
            c, s = np.cos(angle), np.sin(angle)
            for a, b in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
                x, y = a * (half[0] - 0.06), b * (half[1] - 0.06)
                boxes.append((spot + [c * x - s * y, s * x + c * y, 0], np.array([0.03, 0.03, half[2]]), angle))
        else:
            boxes.append((spot, half, angle))
        if rng.random() < 0.5:  # something on top
            small = rng.uniform(0.05, 0.25, 3)
            boxes.append((spot + [rng.normal(0, 0.15), rng.normal(0, 0.15), half[2] + small[2]], small, rng.uniform(0, 3)))
    return boxes


def procedural_room(rng, h=360, w=560):
    """A picture [h, w, 3] uint8 RGB of a room, corridor or hall from a camera at breast height or above, looking level or down."""
    room = np.array([rng.uniform(2.5, 9), rng.uniform(2.0, 7), rng.uniform(2.3, 3.4)])
    eye = np.array([rng.uniform(0.2, 1.0), rng.uniform(0.2, room[1] - 0.2), rng.uniform(0.9, room[2] - 0.2)])
    target = np.array([rng.uniform(0.45, 1.0) * room[0], rng.uniform(0, 1) * room[1], rng.uniform(0.1, 1.7)])
    ahead = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(ahead, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(ahead, right)
    reach = np.tan(np.radians(rng.uniform(45, 95)) / 2)
    x, y = np.meshgrid((np.arange(w) + 0.5) / w * 2 - 1, ((np.arange(h) + 0.5) * 2 - h) / w)
    rays = ahead + reach * (x.reshape(-1, 1) * right + y.reshape(-1, 1) * down)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)

    nearest, axis, point = _hit_box(eye, rays, room / 2, room / 2, 0.0, True)
    u, v = _face(axis, point, room / 2)
    side = 2 * axis + (np.take_along_axis(point, axis[:, None], 1)[:, 0] > 0)  # number of the face, 4: floor, 5: ceiling
    colour = np.zeros((h * w, 3), np.float32)
    for face in range(6):
        here = side == face
        if here.any():
            surface = _Surface(rng, "floor" if face == 4 else "wall", room[1] if face < 2 else room[0], room[2])
            if face == 5:
                surface.decals = []
                for _ in range(int(rng.integers(0, 3))):
                    surface._decal(rng, rng.uniform(0, room[0]), rng.uniform(0, room[1]), rng.uniform(0.2, 1.3), rng.uniform(0.2, 0.4), bright=250.0)
            colour[here] = surface.colour_at(u[here], v[here])
    corner = np.minimum(room / 2 - np.abs(point), 1.0)
    np.put_along_axis(corner, axis[:, None], 1.0, 1)
    colour *= (1 - rng.uniform(0.1, 0.45) * np.exp(-corner.min(1) / rng.uniform(0.05, 0.4)))[:, None]  # dark along edges
    normal_light = rng.uniform(0.6, 1.0, 6)[side]
    place = eye + nearest[:, None] * rays
    for middle, half, angle in _furniture(rng, room):
        distance, face_axis, inside = _hit_box(eye, rays, middle, half, angle, False)
        near_floor = (side == 4) & (np.hypot(*(place - middle)[:, :2].T) < np.hypot(*half[:2]) + 0.15)
        colour[near_floor] *= 0.85
        here = distance < nearest
        if not here.any():
            continue
        surface = _Surface(rng, "thing", 2 * half[0], 2 * half[2])
        a, b = _face(face_axis[here], inside[here], half)
        colour[here] = surface.colour_at(a, b)
        normal_light[here] = rng.uniform(0.55, 1.1, 3)[face_axis[here]]
        nearest, place = np.where(here, distance, nearest), np.where(here[:, None], eye + np.where(here, distance, 0)[:, None] * rays, place)
        side = np.where(here, 9, side)
    light = rng.uniform(0.35, 0.8) * np.ones(h * w)
    for _ in range(int(rng.integers(1, 3))):
        lamp = rng.uniform(0.1, 0.9, 3) * room
        light += rng.uniform(0.4, 1.6) / (1 + ((place - lamp) ** 2).sum(1) / rng.uniform(0.5, 3.0))
    picture = (colour * (light * normal_light)[:, None]).reshape(h, w, 3) * np.exp(rng.normal(0, 0.07, 3))
    picture *= rng.uniform(150, 235) / max(float(np.percentile(picture, 95)), 1.0)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    # Rays through the middle of each pixel leave jagged edges.
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 1.0))
