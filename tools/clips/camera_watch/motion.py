# SPDX-License-Identifier: MIT
"""Camera paths: where the camera looks at each instant of a window, for each class.

A path gives for each instant the shift of the view (dx, dy, in picture short sides; x right, y down), the logarithm of
its size (zooming in makes it smaller) and its angle (clockwise positive). All of these describe the CAMERA. `blur` is
the radius of defocus (Gaussian sigma in picture short sides). `cover` is the share of the picture that something hides.

A window carries a motion's label if the motion fills at least MIN_COVER of it. A motion shorter than MAX_SLIP of the
window leaves it steady. Windows between the two are ambiguous and are not made.
"""

import dataclasses

import numpy as np

from . import SPAN

MIN_COVER = 0.45
MAX_SLIP = 0.10
JUST_COME = 0.3  # of the window: from here on a training may label a state, so the model learns to report it soon
STEP = 0.01
GRID = np.arange(-0.3, SPAN + 0.3, STEP)  # instants at which paths are integrated


class OverTime:
    """A dataclass of functions of time sampled on GRID, each [len(GRID)]."""

    def at(self, times):
        """The same functions at other times (any shape)."""
        return type(self)(*(np.interp(times, GRID, getattr(self, f.name)) for f in dataclasses.fields(self)))


@dataclasses.dataclass
class Path(OverTime):
    """Where the camera looks, how sharply, and how much of its view is hidden."""
    dx: np.ndarray
    dy: np.ndarray
    zoom: np.ndarray
    roll: np.ndarray
    blur: np.ndarray
    cover: np.ndarray


def log_uniform(rng, low, high):
    return low * (high / low) ** rng.random()


def chance(rng, share):
    """True for `share` of the draws. A share of 0 draws nothing, so variations of the training leave the test clips as
    they are."""
    return share > 0 and rng.random() < share


def pulse(rng, share, longest_ramp=0.35):
    """Speed over time [len(GRID)], 0..1: a trapezium that fills `share` of the window (1: all of it)."""
    if share >= 1:
        begin, end = -9.0, 9.0
    else:
        length = share * SPAN
        kind = rng.random()
        if kind < 0.45:
            begin, end = SPAN - length, 9.0
        elif kind < 0.85:
            begin, end = -9.0, length
        else:
            begin = rng.uniform(0, SPAN - length)
            end = begin + length
    ramp = rng.uniform(0.02, longest_ramp)  # the nominal begin and end lie in the middle of the ramps
    up = np.clip((GRID - begin) / ramp + 0.5, 0, 1)
    down = np.clip((end - GRID) / ramp + 0.5, 0, 1)
    shape = np.minimum(up, down)
    if rng.random() < 0.4:  # uneven speed
        shape = shape * (1 + rng.uniform(0, 0.45) * np.sin(2 * np.pi * rng.uniform(0.2, 1.5) * GRID + rng.uniform(0, 6.28)))
    return shape


def travel(speed):
    """Integral of a speed, zero in the middle of the window."""
    way = np.cumsum(speed) * STEP
    return way - way[len(way) // 2]


def share_of_window(rng):
    return 1.0 if rng.random() < 0.65 else rng.uniform(MIN_COVER, 1.0)


def tremor(rng, size, low=1.5, high=8.0):
    """Zero-mean vibration [len(GRID)] with root mean square `size`, by sinusoids or smoothed noise."""
    if rng.random() < 0.5:
        wave = np.zeros(len(GRID))
        for _ in range(int(rng.integers(1, 5))):
            wave += rng.uniform(0.3, 1) * np.sin(2 * np.pi * rng.uniform(low, high) * GRID + rng.uniform(0, 6.28))
    else:
        knots = np.arange(GRID[0] - 0.2, GRID[-1] + 0.3, 1 / rng.uniform(2 * low, 2 * high))
        values = rng.normal(0, 1, len(knots))
        values[1:] -= 0.5 * values[:-1]
        wave = np.interp(GRID, knots, values)
        wave -= wave.mean()
    return size * wave / max(float(np.sqrt(np.mean(wave ** 2))), 1e-6)


def steady_path(rng):
    """No motion, or so little (drift, tremor, an instant of motion at an end) that nobody would call it one."""
    zero = np.zeros(len(GRID))
    path = Path(zero, zero, zero, zero, zero, zero)
    kind = rng.random()
    if kind < 0.25:
        size = rng.uniform(0, 0.0035)
        path = dataclasses.replace(path, dx=tremor(rng, size), dy=tremor(rng, size), roll=tremor(rng, rng.uniform(0, 0.002)))
    elif kind < 0.40:
        path = dataclasses.replace(path, dx=GRID * rng.uniform(-0.01, 0.01), dy=GRID * rng.uniform(-0.01, 0.01),
                                   zoom=GRID * rng.uniform(-0.012, 0.012), roll=GRID * rng.uniform(-0.01, 0.01))
    elif kind < 0.48:
        label = rng.choice(["pan-left", "pan-right", "tilt-up", "tilt-down", "zoom-in", "zoom-out"])
        path = move(rng, label, rng.uniform(0.01, MAX_SLIP), slow=True)
    if rng.random() < 0.25:
        path = dataclasses.replace(path, blur=zero + rng.uniform(0, 0.0055))
    if rng.random() < 0.06:  # something covers a part of the picture only
        path = dataclasses.replace(path, cover=np.minimum(rng.uniform(0.05, 0.42), np.clip((GRID - rng.uniform(-1, 1)) / 0.4, 0, 1)))
    return path


def move(rng, label, share, slow=False, clear=False):
    """Pan, tilt, zoom or roll that fills `share` of the window."""
    shape = pulse(rng, share, 0.35 if share > 0.3 else 0.05)
    seconds = share * SPAN
    zero = np.zeros(len(GRID))
    dx = dy = zoom = roll = zero
    if label.startswith(("pan", "tilt")):
        speed = rng.uniform(0.05, 0.3) if slow else log_uniform(rng, 0.2, 0.9) if clear else max(log_uniform(rng, 0.12, 1.3), 0.12 / seconds)
        main = travel(shape * speed)
        side = main * np.tan(np.clip(rng.normal(0, 0.08), -0.21, 0.21))
        sign = -1 if label in ("pan-left", "tilt-up") else 1
        dx, dy = (sign * main, side) if label.startswith("pan") else (side, sign * main)
        main_size = speed
    elif label.startswith("zoom"):
        speed = rng.uniform(0.05, 0.2) if slow else log_uniform(rng, 0.25, 0.8) if clear else max(log_uniform(rng, 0.18, 0.9), 0.18 / seconds)
        zoom = travel(shape * speed) * (-1 if label == "zoom-in" else 1)
        off = rng.normal(0, 0.08, 2)  # the point that stays in place need not be the middle
        dx, dy = off[0] * (1 - np.exp(zoom)), off[1] * (1 - np.exp(zoom))
        main_size = 0.35 * speed
    else:
        speed = log_uniform(rng, 0.25, 1.0) if clear else max(log_uniform(rng, 0.2, 1.1), 0.2 / seconds)  # radians per second
        roll = travel(shape * speed) * (1 if label == "roll-clockwise" else -1)
        off = rng.normal(0, 0.08, 2)
        dx = off[0] - (off[0] * np.cos(roll) - off[1] * np.sin(roll))
        dy = off[1] - (off[0] * np.sin(roll) + off[1] * np.cos(roll))
        main_size = 0.35 * speed
    if rng.random() < 0.5:  # imperfect drives: a little of everything else
        small = min(main_size, 0.4)
        dx, dy = dx + GRID * small * rng.normal(0, 0.05), dy + GRID * small * rng.normal(0, 0.05)
        zoom, roll = zoom + GRID * small * rng.normal(0, 0.06), roll + GRID * small * rng.normal(0, 0.06)
    if rng.random() < 0.3:
        size = rng.uniform(0, 0.004)
        dx, dy = dx + tremor(rng, size), dy + tremor(rng, size)
    return Path(dx, dy, zoom, roll, zero, zero)


def shake_path(rng):
    """Vibration, knocks and handling, strong enough to be seen."""
    zero = np.zeros(len(GRID))
    size = log_uniform(rng, 0.02, 0.09)
    axes = rng.random()
    gain = (1.0, rng.uniform(0.4, 1)) if axes < 0.5 else (1.0, rng.uniform(0, 0.2)) if axes < 0.75 else (rng.uniform(0, 0.2), 1.0)
    share = share_of_window(rng)
    envelope = pulse(rng, share, 0.15)
    if rng.random() < 0.2 and share >= 1:  # a knock that dies away
        start = rng.uniform(-0.2, 0.5)
        envelope = np.where(GRID < start, 0, np.exp(-(GRID - start) / rng.uniform(0.5, 1.5)))
        size = max(size * 1.5, 0.03)
    roll = tremor(rng, rng.uniform(0, 1.2) * size) * envelope if rng.random() < 0.6 else zero
    zoom = tremor(rng, 0.2 * size) * envelope if rng.random() < 0.2 else zero
    dx, dy = tremor(rng, size * gain[0]) * envelope, tremor(rng, size * gain[1]) * envelope
    return Path(dx, dy, zoom, roll, zero, zero)


def _state(rng, quickest, slowest, begins=0.0):
    """A state, 0..1, that is on during at least MIN_COVER of the window, with its transition. begins: further share of
    the windows, in which the state has only just come (for training, see Variety)."""
    if chance(rng, begins):
        length, ramp = rng.uniform(JUST_COME, 0.8) * SPAN, rng.uniform(quickest, 0.6 * slowest)
        return np.clip((GRID - (SPAN - length)) / ramp + 1, 0, 1)
    share = share_of_window(rng)
    if share >= 1:
        return np.ones(len(GRID))
    length, ramp = share * SPAN, rng.uniform(quickest, slowest)
    if rng.random() < 0.7:
        return np.clip((GRID - (SPAN - length)) / ramp + 1, 0, 1)
    return np.clip((length - GRID) / ramp + 1, 0, 1)


def covered_path(rng, begins=0.0):
    path = steady_path(rng)
    most = 1.0 if rng.random() < 0.65 else rng.uniform(0.75, 1.0)
    if rng.random() < 0.25:  # the camera is touched
        path = dataclasses.replace(path, dx=tremor(rng, rng.uniform(0, 0.03)), dy=tremor(rng, rng.uniform(0, 0.03)))
    return dataclasses.replace(path, cover=most * _state(rng, 0.05, 0.7, 0.5 * begins))


def defocused_path(rng, begins=0.0):
    path = steady_path(rng)
    state = _state(rng, 0.05, 0.9, begins)
    breathing = rng.normal(0, 0.02) * state  # lenses change their angle of view a little while focusing
    sigma = log_uniform(rng, 0.02, 0.09)
    return dataclasses.replace(path, blur=sigma * state + 0.003 * rng.random(), zoom=path.zoom + breathing)


def sample_path(rng, label, clear=False, begins=0.0):
    """A random camera path of one class. clear: the motion fills the window and is quick enough for anybody to see.
    begins: see _state; it applies to the losses of focus, and half of it to the covers."""
    if label == "steady":
        return steady_path(rng)
    if label == "shake":
        return shake_path(rng)
    if label == "covered":
        return covered_path(rng, begins)
    if label == "defocused":
        return defocused_path(rng, begins)
    return move(rng, label, 1.0 if clear else share_of_window(rng), clear=clear)
