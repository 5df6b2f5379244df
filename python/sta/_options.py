# SPDX-License-Identifier: MIT
"""Translates names, seconds and frames of Python into the numbers of sta.h."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ._errors import InvalidArgument

Frame = npt.NDArray[Any] | Sequence[npt.NDArray[Any]]

PRECISIONS = {"auto": 0, "fp32": 1, "bf16": 2, "fp16": 3}
PRUNINGS = {"sta": 0, "random": 1, "none": 2}
GAP_POLICIES = {"reset": 0, "hold": 1}
TAIL_POLICIES = {"pad": 0, "drop": 1}
RESIZES = {"auto": 0, "bilinear": 1, "antialias": 2}
MATRICES = {"rgb": 0, "bt601": 1, "bt709": 2, "bt2020": 3, "smpte240m": 4, "fcc": 5}
ORIENTATIONS = {
    "none": 0,
    "90r": 1,
    "180": 2,
    "90l": 3,
    "horizontal": 4,
    "vertical": 5,
    "transposed": 6,
    "antitransposed": 7,
}
FORMATS = {
    "I420": 1,
    "YV12": 2,
    "NV12": 3,
    "YUY2": 4,
    "UYVY": 5,
    "RGB": 6,
    "BGR": 7,
    "RGBX": 8,
    "BGRX": 9,
    "XRGB": 10,
    "XBGR": 11,
    "GRAY8": 12,
    "P010": 13,
    "I420_10": 14,
}


def choice(name: str, value: str, table: dict[str, int]) -> int:
    """The number of a name. InvalidArgument lists the names that exist."""
    if isinstance(value, str) and value in table:
        return table[value]
    raise InvalidArgument(f"{name} is {value!r} and should be one of {', '.join(table)}")


def integer(name: str, value: Any, low: int = -(2**31), high: int = 2**31 - 1) -> int:
    """An integer in its range; floats are refused."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidArgument(f"{name} is {value!r} and should be an integer") from None
    if not low <= number <= high:
        raise InvalidArgument(f"{name} is {number} and should be {low} to {high}")
    return number


def number(name: str, value: Any) -> float:
    """A finite number."""
    try:
        result = float(value)
    except (TypeError, ValueError):
        result = math.nan
    if not math.isfinite(result):
        raise InvalidArgument(f"{name} is {value!r} and should be a finite number")
    return result


def nanoseconds(name: str, seconds: Any) -> int:
    """Seconds from 0 on, to the nearest nanosecond."""
    value = number(name, seconds)
    if not 0 <= value <= 9e9:
        raise InvalidArgument(f"{name} is {seconds!r} and should be seconds, 0 or more")
    return round(value * 1e9)


def drop_number(value: int | str) -> int:
    """STA_DROP_AUTO for "auto"."""
    return -1 if value == "auto" else integer("drop_number", value, 0)


def still_threshold(value: float | None) -> float:
    """-1, the model's own, for None."""
    if value is None:
        return -1.0
    threshold = number("still_threshold", value)
    if not 0 <= threshold <= 10:
        raise InvalidArgument(f"still_threshold is {value!r} and should be 0 (off) to 10, or None (the model's)")
    return threshold


def pruning(rule: str, drop: int | str, seed: int, still: float | None) -> dict[str, Any]:
    return {
        "pruning": choice("pruning", rule, PRUNINGS),
        "drop_number": drop_number(drop),
        "seed": integer("seed", seed, 0, 2**64 - 1),
        "still_threshold": still_threshold(still),
    }


def planes(frame: Frame, format: str | None) -> tuple[list[Any], int]:
    """The planes of a frame and the number of its format. Without a format it is guessed, but only for pictures of one
    plane."""
    if format is None:
        shape: tuple[int, ...] = getattr(frame, "shape", ())
        guess = {2: "GRAY8", 3: {3: "RGB", 4: "RGBX"}.get(shape[2]) if len(shape) == 3 else None}.get(len(shape))
        if guess is None:
            raise InvalidArgument(
                "the format has to be said of anything but an array of (height, width), (height, width, 3) or "
                "(height, width, 4)"
            )
        return [frame], FORMATS[guess]
    kind = choice("format", format, FORMATS)
    if not isinstance(frame, np.ndarray):
        try:
            return list(frame), kind
        except TypeError:
            raise InvalidArgument(
                f"a frame is {type(frame).__name__} and should be an array of numpy or a sequence of planes"
            ) from None
    if format in ("I420", "YV12", "NV12", "P010", "I420_10"):
        return _split(frame, format), kind
    return [frame], kind


def _split(stacked: npt.NDArray[Any], format: str) -> list[Any]:
    """All planes in one array of (height * 3 / 2, width), as OpenCV and raw files have them; sizes are even."""
    shape = stacked.shape
    if len(shape) != 2 or shape[0] % 3 or shape[1] % 2 or not stacked.flags.c_contiguous:
        raise InvalidArgument(
            f"{format} in one array should be contiguous with the shape (height * 3 / 2, width) of a picture of even "
            "sizes; else give a sequence of planes"
        )
    height, width = shape[0] // 3 * 2, shape[1]
    luma, chroma = stacked[:height], stacked[height:].reshape(-1)
    if format in ("NV12", "P010"):
        return [luma, chroma.reshape(height // 2, width // 2, 2)]
    half = chroma.size // 2
    return [luma, chroma[:half].reshape(height // 2, width // 2), chroma[half:].reshape(height // 2, width // 2)]
