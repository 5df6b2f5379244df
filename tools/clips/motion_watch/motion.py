# SPDX-License-Identifier: MIT
"""Ways that one thing takes through the picture during a window, for each class.

A way gives for each instant the thing's middle (x, y in picture sides; x right, y down), its size (1: the size it was
drawn with) and its opacity. Three things count as motion: a travel of at least LEAST_TRAVEL, within 25 degrees of an
axis; a growth by at least LEAST_GROWTH with little travel; coming and going in place. A thing that stays, moves its
limbs or sways is still.
"""

import dataclasses

import numpy as np

from . import SPAN
from clips.camera_watch.motion import GRID, OverTime, log_uniform, pulse, share_of_window, travel, tremor

LEAST_TRAVEL = 0.14  # picture sides in a window
LEAST_GROWTH = 0.30  # logarithm of the size at the end over that at the beginning


@dataclasses.dataclass
class Way(OverTime):
    """Where the thing is, how large, and how opaque."""
    x: np.ndarray
    y: np.ndarray
    size: np.ndarray
    opacity: np.ndarray


def _sway(rng):
    """Small movement of something that stays where it is, picture sides."""
    return tremor(rng, rng.uniform(0, 0.008), 0.3, 1.5) if rng.random() < 0.5 else np.zeros(len(GRID))


def _inside(rng, reach):
    """A place in the picture that leaves `reach` free on each side, where there is room."""
    low, high = min(0.5, 0.05 + reach), max(0.5, 0.95 - reach)
    return rng.uniform(low, high)


def sample_way(rng, label, high):
    """A random way of one class for a thing `high` picture sides high."""
    one, zero = np.ones(len(GRID)), np.zeros(len(GRID))
    x, y = zero + rng.uniform(0.1, 0.9), zero + _inside(rng, 0.4 * high)
    way = Way(x + _sway(rng), y + 0.5 * _sway(rng), one, one)
    share = share_of_window(rng)
    if label in ("left", "right", "up", "down"):
        way_length = log_uniform(rng, LEAST_TRAVEL, 1.1)
        main = travel(pulse(rng, share))
        main = main / max(1e-6, np.interp(SPAN, GRID, main) - np.interp(0, GRID, main)) * way_length
        side = main * np.tan(np.clip(rng.normal(0, 0.15), -0.44, 0.44))
        sign = -1 if label in ("left", "up") else 1
        along, across = (way.x, way.y) if label in ("left", "right") else (way.y, way.x)
        # The thing is in the picture somewhere in the middle of the window.
        middle = rng.uniform(0.2, 0.8) - np.interp(rng.uniform(0.3, 0.7) * SPAN, GRID, sign * main)
        along, across = sign * main + middle, across + side
        x, y = (along, across) if label in ("left", "right") else (across, along)
        growth = np.exp(np.clip(rng.normal(0, 0.08), -0.15, 0.15) * GRID / SPAN)
        return Way(x, y, growth, one)
    if label in ("approaching", "leaving"):
        growth = log_uniform(rng, LEAST_GROWTH, 1.4)
        main = travel(pulse(rng, share))
        main = main / max(1e-6, np.interp(SPAN, GRID, main) - np.interp(0, GRID, main)) * growth
        size = np.exp(main * (1 if label == "approaching" else -1))
        # As a thing comes nearer, its feet go down in the picture. It seldom comes straight on.
        sink = (size - 1) * high * rng.uniform(0, 0.4)
        drift = GRID / SPAN * rng.uniform(-0.05, 0.05)
        return Way(way.x * 0.6 + 0.2 + drift, way.y * 0.6 + 0.2 + sink, size, one)
    if label in ("appearing", "vanishing"):
        moment, length = rng.uniform(0.2 * SPAN, 0.85 * SPAN), rng.uniform(0.02, 0.45)
        there = np.clip((GRID - moment) / length + 0.5, 0, 1)
        return Way(way.x, way.y, one, there if label == "appearing" else 1 - there)
    return way
