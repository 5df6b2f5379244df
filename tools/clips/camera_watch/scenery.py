# SPDX-License-Identifier: MIT
"""Generated material: whole scenes, things that move in front of a camera, and things that cover its lens."""

import cv2
import numpy as np


def value_noise(rng, h, w, octaves=5, first=2, fall=0.55):
    """Smooth random field [h, w] in 0..1: sum of enlarged random grids, finer ones weaker."""
    field, gain = np.zeros((h, w), np.float32), 1.0
    for k in range(octaves):
        n = first * 2 ** k
        grid = rng.random((n + 1, n * w // h + 2), dtype=np.float32)
        field += gain * cv2.resize(grid, (w, h), interpolation=cv2.INTER_CUBIC)
        gain *= fall
    field -= field.min()
    return field / max(float(field.max()), 1e-6)


def _colour(rng):
    return tuple(int(v) for v in rng.integers(0, 256, 3))


def _muted(rng):
    grey = rng.integers(20, 235)
    return tuple(int(np.clip(grey + rng.normal(0, 22), 0, 255)) for _ in range(3))


def procedural_scene(rng, h=320, w=480):
    """A picture [h, w, 3] uint8 RGB with walls, boxes, lines, stripes, text and texture."""
    a, b = np.array(_muted(rng), np.float32), np.array(_muted(rng), np.float32)
    ramp = value_noise(rng, h, w, octaves=int(rng.integers(1, 6)))[..., None]
    scene = np.ascontiguousarray((a * ramp + b * (1 - ramp)).astype(np.uint8))
    if rng.random() < 0.6:  # floor with boards or tiles
        y = int(h * rng.uniform(0.45, 0.8))
        cv2.rectangle(scene, (0, y), (w, h), _muted(rng), -1)
        line, count = _muted(rng), int(rng.integers(5, 20))
        for k in range(count + 1):
            x = int(w * k / count)
            cv2.line(scene, (int(w / 2 + (x - w / 2) * 0.6), y), (int(w / 2 + (x - w / 2) * 1.8), h), line, 1, cv2.LINE_AA)
    for _ in range(int(rng.integers(3, 40))):
        colour = _colour(rng) if rng.random() < 0.35 else _muted(rng)
        x, y = int(rng.integers(-20, w)), int(rng.integers(-20, h))
        s = int(h * 0.6 * rng.random() ** 2) + 4
        kind = rng.integers(0, 7)
        if kind <= 1:
            box = (x + int(s * rng.uniform(0.3, 2)), y + int(s * rng.uniform(0.3, 2)))
            cv2.rectangle(scene, (x, y), box, colour, -1)
            if rng.random() < 0.5:
                cv2.rectangle(scene, (x, y), box, _muted(rng), int(rng.integers(1, 5)))
        elif kind == 2:
            cv2.ellipse(scene, (x, y), (s // 2 + 1, int(s * rng.uniform(0.2, 1)) + 1), float(rng.uniform(0, 180)), 0, 360, colour,
                        -1, cv2.LINE_AA)
        elif kind == 3:
            cv2.fillPoly(scene, [(np.array([x, y]) + rng.integers(-s, s + 1, (int(rng.integers(3, 7)), 2))).astype(np.int32)], colour,
                         cv2.LINE_AA)
        elif kind == 4:
            cv2.line(scene, (x, y), (int(x + rng.integers(-w, w)), int(y + rng.integers(-h, h))), colour, int(rng.integers(1, 6)), cv2.LINE_AA)
        elif kind == 5:
            word = "".join(chr(int(c)) for c in rng.integers(48, 91, int(rng.integers(2, 9))))
            cv2.putText(scene, word, (x, y), int(rng.integers(0, 7)), float(rng.uniform(0.4, 2.2)), colour, int(rng.integers(1, 4)), cv2.LINE_AA)
        else:  # stripes, blinds, fences, tiles
            step, thick = int(rng.integers(4, 16)), int(rng.integers(1, 4))
            for k in range(0, s, step):
                if rng.random() < 0.5:
                    cv2.line(scene, (x + k, y), (x + k, y + s), colour, thick)
                else:
                    cv2.line(scene, (x, y + k), (x + s, y + k), colour, thick)
    texture = value_noise(rng, h, w, octaves=4, first=24, fall=0.8) - 0.5
    scene = scene + texture[..., None] * rng.uniform(0, 60)
    return np.clip(scene, 0, 255).astype(np.uint8)


def overlap(picture, x, y, w, h):
    """(slices of picture [H, W, 3], slices of the box): the part of a w x h box with its corner at x, y that lies in
    the picture. None: no part does."""
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, picture.shape[1]), min(y + h, picture.shape[0])
    if right <= left or bottom <= top:
        return None
    return np.s_[top:bottom, left:right], np.s_[top - y:bottom - y, left - x:right - x]


class Mover:
    """One thing that crosses the picture: a textured blob or upright figure on a smooth way of its own."""

    def __init__(self, rng, texture, largest=0.6):
        self.high = 0.12 * (largest / 0.12) ** rng.random()  # height relative to the picture
        self.wide = self.high * rng.uniform(0.3, 1.6) if rng.random() < 0.5 else self.high * rng.uniform(0.28, 0.45)
        n = 64
        mask = np.zeros((n, n), np.uint8)
        if rng.random() < 0.6:  # head, trunk, legs
            cv2.circle(mask, (32, 9), 8, 255, -1)
            cv2.ellipse(mask, (32, 30), (22, 18), 0, 0, 360, 255, -1)
            cv2.rectangle(mask, (14, 34), (29, 63), 255, -1)
            cv2.rectangle(mask, (35, 34), (50, 63), 255, -1)
        else:
            ring = np.linspace(0, 2 * np.pi, 14, endpoint=False)
            r = 31 * rng.uniform(0.55, 1, 14)
            cv2.fillPoly(mask, [np.stack([32 + r * np.cos(ring), 32 + r * np.sin(ring)], 1).astype(np.int32)], 255)
        y, x = (int(rng.integers(0, max(1, s - n))) for s in texture.shape[:2])
        patch = cv2.resize(np.ascontiguousarray(texture[y:y + n, x:x + n]), (n, n))
        tint = np.array(_colour(rng), np.float32)
        self.patch = np.clip(patch * rng.uniform(0.2, 0.9) + tint * rng.uniform(0.1, 0.6), 0, 255).astype(np.uint8)
        self.mask = mask
        angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.4 else rng.choice([0, np.pi]) + rng.normal(0, 0.15)
        speed = 0.05 * (1.3 / 0.05) ** rng.random()
        self.velocity = speed * np.array([np.cos(angle), np.sin(angle)])
        self.middle = rng.uniform(0.1, 0.9, 2) - self.velocity * 0.75
        self.growth = rng.normal(0, 0.25)
        self.bob = rng.uniform(0, 0.015), rng.uniform(1, 3), rng.uniform(0, 6.28)
        self.still_from = rng.uniform(0.3, 1.5) if rng.random() < 0.2 else 9.0

    def draw(self, picture, t):
        """Paint the thing at time t into picture [R, R, 3] in place."""
        side = picture.shape[0]
        t = min(t, self.still_from)
        grow = float(np.exp(self.growth * (t - 0.75)))
        h, w = int(self.high * side * grow), int(self.wide * side * grow)
        if h < 3 or w < 3:
            return
        cx, cy = (self.middle + self.velocity * t) * side
        cy += self.bob[0] * side * np.sin(6.28 * self.bob[1] * t + self.bob[2])
        where = overlap(picture, int(cx - w / 2), int(cy - h / 2), w, h)
        if not where:
            return
        seen, part = where
        mask = cv2.resize(self.mask, (w, h), interpolation=cv2.INTER_LINEAR)[part]
        patch = cv2.resize(self.patch, (w, h), interpolation=cv2.INTER_LINEAR)[part]
        np.copyto(picture[seen], patch, where=(mask > 127)[..., None])


class Cover:
    """Something in front of the lens: hand, cloth, paper, paint, box. It slides, closes or falls over the picture."""

    def __init__(self, rng, side):
        n = side + 64
        base = np.array(_muted(rng), np.float32) * (rng.uniform(0.0, 0.5) if rng.random() < 0.6 else rng.uniform(0.4, 1.1))
        if rng.random() < 0.3:
            base = np.array([rng.uniform(40, 200), rng.uniform(15, 110), rng.uniform(10, 90)], np.float32)  # skin, light through fingers
        if rng.random() < 0.22:
            base[:] = rng.uniform(0, 14) if rng.random() < 0.7 else rng.uniform(14, 255)
            sheet = np.broadcast_to(base, (n, n, 3))
        else:
            light = value_noise(rng, n, n, octaves=int(rng.integers(1, 4)), first=1)[..., None] - 0.5
            sheet = base * (1 + rng.uniform(0, 1.2) * light) + rng.uniform(0, 40) * light
        self.sheet = cv2.GaussianBlur(np.clip(sheet, 0, 255).astype(np.uint8), (0, 0), 2 + 4 * rng.random())  # so near the lens nothing is sharp
        self.wobble = rng.uniform(0, 20), rng.uniform(0.2, 2.0), rng.uniform(0, 6.28, 2)
        self.kind = rng.choice(["slide", "slide", "slide", "close", "fade"])
        angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.5 else rng.integers(0, 4) * np.pi / 2
        self.normal = np.array([np.cos(angle), np.sin(angle)])
        ragged = rng.normal(0, 0.03, 12) if rng.random() < 0.6 else np.zeros(12)
        grid = (np.arange(side) + 0.5) / side - 0.5
        x, y = np.meshgrid(grid, grid)
        along = x * self.normal[0] + y * self.normal[1]
        across = (-x * self.normal[1] + y * self.normal[0] + 0.71) / 1.42 * 11
        edge = np.interp(across.ravel(), np.arange(12), ragged).reshape(side, side)
        reach = 0.5 * (abs(self.normal[0]) + abs(self.normal[1]))
        order = (along + edge + reach) / (2 * reach) if self.kind == "slide" else 1 - np.hypot(x, y) / 0.708 + edge
        self.order = np.argsort(np.argsort(order.ravel())).reshape(side, side).astype(np.float32) / (side * side - 1)
        self.soft = rng.uniform(0.01, 0.2)
        self.opacity = 1.0 if rng.random() < 0.7 else rng.uniform(0.93, 1.0)

    def draw(self, picture, amount, t):
        """Cover the share `amount` of picture [R, R, 3]; returns the new picture."""
        if amount <= 0.001:
            return picture
        side = picture.shape[0]
        size, rate, phase = self.wobble
        dx, dy = (int(32 + size * np.sin(6.28 * rate * t + p)) for p in phase)
        sheet = self.sheet[dy:dy + side, dx:dx + side]
        if self.kind == "fade":  # three quarters, from which on a camera is covered, are 95 % of opaque: hardly anything shines through
            veil = min(1.0, amount / 0.79) * self.opacity
            return cv2.addWeighted(picture, 1 - veil, sheet, veil, 0)
        if amount >= 0.999 and self.opacity == 1.0:
            return sheet.copy()
        alpha = np.clip((amount * (1 + self.soft) - self.order) / self.soft, 0, 1) * self.opacity
        alpha = (alpha * 256).astype(np.uint16)[..., None]
        return ((picture * (256 - alpha) + sheet * alpha) >> 8).astype(np.uint8)
