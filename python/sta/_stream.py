# SPDX-License-Identifier: MIT
"""The stream: frames in, windows and events out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from . import _core
from . import _options as opt
from ._errors import InternalError
from ._options import Frame

if TYPE_CHECKING:
    from ._engine import Engine

_EVENT_KINDS = ("start", "update", "end")


class Score(NamedTuple):
    """A class and how sure the model is of it."""

    label: str
    confidence: float  #: 0 to 1
    class_id: int


@dataclass(frozen=True)
class Window:
    """One classified window. Times are seconds on the clock of ``Stream.push``."""

    id: int  #: counts the windows of the stream from 0, skipped ones too
    start: float  #: of the first sample
    end: float  #: of the last sample, plus the spacing
    degraded: bool  #: some sample repeats a frame over a gap, or pads the tail
    tail: bool  #: cut by the end of the stream
    reused: bool  #: the pixels were those of the window before, and so is the result
    drop_number: int  #: tokens dropped in each group and call
    tokens: int  #: that entered the first block: all but the still ones
    multiply_adds: int  #: of the window; 0 if it was reused
    batch_size: int  #: windows that shared the forward pass
    inference_time: float  #: seconds of the forward pass
    queue_time: float  #: seconds that the window waited for the forward pass
    error: str | None  #: why the forward pass failed; None: it did not
    labels: tuple[str, ...] = field(repr=False)  #: of the model, one for each class
    _probabilities: npt.NDArray[np.float32] = field(repr=False, compare=False)

    @property
    def probabilities(self) -> npt.NDArray[np.float32]:
        """float32, (classes,): softmax, or sigmoid if the model asks for it. Raises InternalError if the forward pass
        failed."""
        if self.error is not None:
            raise InternalError(self.error)
        return self._probabilities

    def top(self, k: int = 3) -> list[Score]:
        """The k most probable classes, the most probable first. Among equal ones, the lower class number goes first."""
        p = self.probabilities
        order = np.argsort(-p, kind="stable")[: max(k, 0)]
        return [Score(self.labels[i], float(p[i]), int(i)) for i in order]

    @property
    def label(self) -> str:
        """The label of the most probable class."""
        return self.top(1)[0].label

    @property
    def confidence(self) -> float:
        """The probability of the most probable class, 0 to 1."""
        return self.top(1)[0].confidence


@dataclass(frozen=True)
class Event:
    """Something begins, goes on or ends. Times are seconds on the clock of ``Stream.push``."""

    kind: str  #: "start", "update" or "end"
    id: int  #: from 1, the same for start, updates and end
    label: str
    class_id: int
    onset: float  #: when it began
    offset: float  #: when it ended, or the end of what supports it so far
    confidence: float  #: mean score, 0 to 1
    peak: float  #: largest score, 0 to 1


class Stream:
    """One camera or file: made by ``Engine.stream``.

    Call ``push`` with frames, then iterate. ``for window in stream`` gives the finished windows and then ends. It never
    waits, and the next loop continues where this one ended. ``stream.events()`` does the same with events. Any thread
    may iterate. Calls that compute or wait release the GIL. Frames come from one thread at a time; other threads wait
    for their turn.
    """

    def __init__(self, engine: Engine, options: dict[str, Any]) -> None:
        self._engine = engine
        self._labels = engine.labels
        self._core = _core.Stream(engine._core, options)

    def push(
        self,
        frame: Frame,
        time: float,
        *,
        format: str | None = None,
        duration: float | None = None,
        matrix: str | None = None,
        full_range: bool = False,
        pixel_aspect: tuple[int, int] = (1, 1),
        discont: bool = False,
        orientation: str = "none",
    ) -> None:
        """Offers a frame. Its pixels are read before the call returns, and not kept.

        Args:
            frame: uint8 (height, width, 3), (height, width, 4) or (height, width); or a sequence of planes, luma first:
                (height, width), then for I420 and YV12 two of ((height + 1) // 2, (width + 1) // 2), for NV12 one of
                ((height + 1) // 2, (width + 1) // 2, 2). I420_10 and P010 are uint16. YUY2 and UYVY are
                (height, width, 2). Planes in one array of (height * 3 / 2, width) serve too. Rows may be padded.
            time: seconds, of the first moment that the frame is shown. Times should grow.
            format: RGB, BGR (what OpenCV has), RGBX, BGRX, XRGB, XBGR, GRAY8, I420, YV12, NV12, YUY2, UYVY, P010,
                I420_10. None: RGB, RGBX or GRAY8, by the shape.
            duration: seconds that it is shown; None: until the next.
            matrix: of YUV: bt601, bt709, bt2020, smpte240m, fcc. None: bt709 above 576 lines, else bt601.
            full_range: YUV and gray have 0 to 255, not 16 to 235.
            pixel_aspect: width and height of a pixel.
            discont: something is missing before this frame.
            orientation: how the frame has to be turned to be upright: none, 90r, 180, 90l, horizontal, vertical,
                transposed, antitransposed.

        Raises:
            InvalidArgument: the frame contradicts its format, an option is out of its range, or the stream is closed.
            Closed: another thread closed the stream meanwhile.
        """
        parts, kind = opt.planes(frame, format)
        options: dict[str, Any] = {"time": opt.nanoseconds("time", time)}
        if duration is not None:
            options["duration"] = opt.nanoseconds("duration", duration)
        if matrix is not None:
            options["matrix"] = opt.choice("matrix", matrix, opt.MATRICES)
        if full_range:
            options["full_range"] = True
        if pixel_aspect != (1, 1):
            options["par_n"], options["par_d"] = (opt.integer("pixel_aspect", n, 1) for n in pixel_aspect)
        if discont:
            options["discont"] = True
        if orientation != "none":
            options["orientation"] = opt.choice("orientation", orientation, opt.ORIENTATIONS)
        self._core.push(parts, kind, options)

    def advance(self, time: float) -> None:
        """Says that no frame came until ``time`` (seconds). If that is longer than max_gap it is a gap, else the last
        frame holds."""
        self._core.advance(opt.nanoseconds("time", time))

    def drain(self) -> None:
        """End of stream: waits until all windows are classified, and ends the events. The next push starts anew."""
        self._core.drain()

    def reset(self) -> None:
        """Forgets the half-filled window and the windows in flight, and ends the events. For use after a seek, or in a
        new scene."""
        self._core.reset()

    def close(self) -> None:
        """Ends the stream, and ends calls of other threads that wait in it. Finished windows and events can still be
        read."""
        self._core.close()

    @property
    def closed(self) -> bool:
        return self._core.closed()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits at most ``timeout`` seconds (None: no limit) for a window or an event. False: there is none."""
        return self._core.wait(-1.0 if timeout is None else max(opt.number("timeout", timeout), 0.0))

    def __iter__(self) -> Iterator[Window]:
        """The finished windows, oldest first. Ends when there are no more of them for now."""
        while (w := self._core.next_window()) is not None:
            number, start, end, flags, drop, tokens, multiply_adds, batch, inference, queue, error, probabilities = w
            yield Window(
                id=number,
                start=start / 1e9,
                end=end / 1e9,
                degraded=bool(flags & 1),
                tail=bool(flags & 2),
                reused=bool(flags & 4),
                drop_number=drop,
                tokens=tokens,
                multiply_adds=multiply_adds,
                batch_size=batch,
                inference_time=inference / 1e9,
                queue_time=queue / 1e9,
                error=error,
                labels=self._labels,
                _probabilities=probabilities,
            )

    def events(self) -> Iterator[Event]:
        """The events, oldest first. Ends when there are no more of them for now. At most 1024 are kept."""
        while (e := self._core.next_event()) is not None:
            kind, number, class_id, onset, offset, confidence, peak = e
            label = self._labels[class_id]
            yield Event(_EVENT_KINDS[kind], number, label, class_id, onset / 1e9, offset / 1e9, confidence, peak)

    def stats(self) -> dict[str, int | float]:
        """Counts of frames and windows, and times in seconds. These are the fields of sta_stream_stats in sta.h, and
        windows_lost, events_lost: how many were not read in time. InvalidArgument: the stream is closed."""
        return self._core.stats()

    @property
    def sample_interval(self) -> float:
        """Seconds between the samples of a window, as used."""
        return self._core.timing()[0] / 1e9

    @property
    def hop(self) -> float:
        """Seconds from one window to the next, as used."""
        return self._core.timing()[1] / 1e9

    @property
    def window_length(self) -> float:
        """Seconds of a window."""
        return self._core.timing()[2] / 1e9

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
