# SPDX-License-Identifier: MIT
"""Labels video files that OpenCV decodes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ._errors import InvalidArgument, NotFound
from ._stream import Event, Window

if TYPE_CHECKING:
    from ._engine import Engine


class Classification(NamedTuple):
    """What was seen in a video."""

    windows: list[Window]
    events: list[Event]


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            "classify() decodes videos with OpenCV, which is not there: run `pip install opencv-python-headless`, or "
            f"push frames of another decoder into stream() ({error})."
        ) from error
    return cv2


def frames(path: str) -> Iterator[tuple[Any, float, float]]:
    """The frames of a file: BGR uint8 (height, width, 3), when it is shown and for how long, in seconds."""
    cv2 = _opencv()
    if not os.path.isfile(path):
        raise NotFound(f"there is no file {path}")
    video = cv2.VideoCapture(path)
    try:
        if not video.isOpened():
            raise InvalidArgument(f"OpenCV cannot read {path}: is it a video, and does this OpenCV have its codec?")
        fps = video.get(cv2.CAP_PROP_FPS)
        usual = 1 / fps if math.isfinite(fps) and fps > 0 else 0.04
        before = None
        while True:
            there, picture = video.read()
            if not there:
                break
            # Rounded down to nanoseconds, the same as in GStreamer: a sample of a window belongs to the frame that is
            # on screen at that time.
            time = math.floor(max(video.get(cv2.CAP_PROP_POS_MSEC), 0.0) * 1e6 + 0.01) / 1e9
            # OpenCV 4.6 says 0 for the last frames, which come out of the decoder when the file is at its end.
            if before is not None and time <= before[1]:
                time = round(before[1] + usual, 9)
            if before is not None:
                yield before[0], before[1], time - before[1]
            before = (picture, time)
        if before is not None:
            yield before[0], before[1], usual
    finally:
        video.release()


def classify(
    engine: Engine, path: str | os.PathLike[str], hop: float | None, options: dict[str, Any]
) -> Classification:
    """See Engine.classify."""
    name = os.fspath(path)
    result = Classification([], [])
    with engine.stream(hop, **{**options, "blocking": True}) as stream:

        def read() -> None:
            result.windows.extend(stream)
            result.events.extend(stream.events())

        count = 0
        for picture, time, duration in frames(name):
            stream.push(picture, time, format="BGR", duration=duration)
            read()
            count += 1
        if not count:
            raise InvalidArgument(
                f"OpenCV finds no picture in {name}: is it a video, and does this OpenCV have its codec?"
            )
        stream.drain()
        read()
    return result
