# SPDX-License-Identifier: MIT
"""The engine: a model on a device."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _core
from . import _options as opt
from ._errors import InvalidArgument
from ._options import Frame
from ._stream import Stream

if TYPE_CHECKING:
    from ._video import Classification


@dataclass(frozen=True)
class ModelInfo:
    """What a model is and takes."""

    name: str  #: last part of its path
    path: str
    architecture: str  #: "videomae", "video_swin"
    device: str  #: "cpu", "cuda:0"
    precision: str  #: "fp32", "bf16", "fp16"
    num_frames: int  #: T, frames of a window
    image_height: int  #: H, in pixels
    image_width: int  #: W, in pixels
    num_classes: int
    embed_dim: int
    depth: int
    num_heads: int
    num_tokens: int  #: at the input
    max_drop_number: int  #: 0: the model cannot be pruned
    still_threshold: float  #: that the model folder recommends; 0: none
    num_parameters: int
    sample_interval: float  #: seconds between two frames of a window in training
    mean: tuple[float, float, float]  #: of the colours R, G, B, which run from 0 to 1
    std: tuple[float, float, float]
    multi_label: bool  #: several classes may hold at once
    attention: str  #: the attention kernels that are used: LibTorch's, or "own"
    warnings: str  #: one per line, "" if there are none
    labels: tuple[str, ...]  #: one for each class


class Engine:
    """The weights of one model on one device in one precision, and the thread that computes with them.

    Engines of the same model, labels, device and precision share their weights. So you may open one for each stream, or
    one for all. Any thread may use an engine. It does not survive os.fork(): start processes with "spawn".

    Args:
        model: a folder in the Hugging Face layout of a VideoMAE, V-JEPA 2, ViViT or TimeSformer, or with a Video Swin,
            or a .safetensors, .pth or .bin file; or "arch:NAME" (arch:vit_base), with generated weights.
        device: "auto" (CUDA if it works, else the CPU), "cpu", "cuda", "cuda:N".
        precision: "auto", "fp32", "bf16", "fp16".
        labels: a file with as many labels as the model has classes; None: those of the model.
        inference_threads: of the CPU, 1 to 256; 0: all cores but one.
        worker_nice: niceness of the worker thread, 0 to 19.
        max_batch: most windows of all streams in one forward pass, 1 to 64.
        batch_timeout: seconds that a window waits for those of other streams, at most 1.
        num_heads, image_size, image_width, num_frames: where a model file does not say; 0: from the model.

    Raises:
        NotFound, BadModel, Unsupported: of the files. InvalidArgument: of the options. DeviceError, OutOfMemory.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        device: str = "auto",
        precision: str = "auto",
        *,
        labels: str | os.PathLike[str] | None = None,
        inference_threads: int = 0,
        worker_nice: int = 10,
        max_batch: int = 4,
        batch_timeout: float = 0.0,
        num_heads: int = 0,
        image_size: int = 0,
        image_width: int = 0,
        num_frames: int = 0,
    ) -> None:
        if not isinstance(device, str):
            raise InvalidArgument(f"device is {device!r} and should be auto, cpu, cuda or cuda:N")
        options: dict[str, Any] = {
            "device": device,
            "precision": opt.choice("precision", precision, opt.PRECISIONS),
            "inference_threads": opt.integer("inference_threads", inference_threads),
            "worker_nice": opt.integer("worker_nice", worker_nice),
            "max_batch": opt.integer("max_batch", max_batch),
            "batch_timeout": opt.nanoseconds("batch_timeout", batch_timeout),
            "num_heads": opt.integer("num_heads", num_heads),
            "image_size": opt.integer("image_size", image_size),
            "image_width": opt.integer("image_width", image_width),
            "num_frames": opt.integer("num_frames", num_frames),
        }
        if labels is not None:
            options["labels"] = os.fspath(labels)
        self._core = _core.Engine(os.fspath(model), options)
        self._labels: tuple[str, ...] = self._core.info()["labels"]

    @property
    def info(self) -> ModelInfo:
        """What the model is and takes."""
        return ModelInfo(**self._core.info())

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the logits."""
        return self._labels

    def stream(
        self,
        hop: float | None = None,
        *,
        sample_interval: float | None = None,
        blocking: bool = False,
        drop_number: int | str = 0,
        min_drop_number: int = 0,
        max_drop_number: int = 0,
        pruning: str = "sta",
        seed: int = 0,
        still_threshold: float | None = None,
        resize: str = "auto",
        gap_policy: str = "reset",
        max_gap: float | None = None,
        tail_policy: str = "pad",
        static_skip: bool = True,
        max_results: int = 64,
        smoothing: int | None = None,
        enter_threshold: float | None = None,
        exit_threshold: float | None = None,
        min_duration: float | None = None,
        release_duration: float | None = None,
        update_interval: float | None = None,
        classes: Sequence[str] | None = None,
        background: str | None = None,
    ) -> Stream:
        """A stream of windows: one for each camera or file.

        Args:
            hop: seconds from one window to the next; None: a quarter of a window.
            sample_interval: seconds between the frames of a window; None: the model's.
            blocking: every window is classified before ``push`` returns (files). Else (live) ``push`` never waits, and
                a window that is not begun when the next is ready is skipped and counted.
            drop_number: tokens that are dropped in each group and call, 0 to ``info.max_drop_number``; "auto": the
                engine keeps up, between min_drop_number and max_drop_number (0: the largest).
            pruning: "sta", "random" (with ``seed``), "none".
            still_threshold: tokens whose normalised pixels changed on average by less are dropped before the first
                block; 0: none; None: the model's.
            resize: "auto", "bilinear", "antialias".
            gap_policy: after max_gap seconds (None: twice the spacing, at least 0.5) without a frame the window begins
                anew ("reset") or the last frame is repeated ("hold").
            tail_policy: the last window is padded with its last frame if half full ("pad"), or dropped ("drop").
            static_skip: a window with the pixels of the one before takes over its result.
            max_results: most windows that wait to be read, 1 to 1024; older ones are given up.
            smoothing: windows that are averaged for events. Of these and of the following, None is what the model
                recommends.
            enter_threshold, exit_threshold: an event begins at or above the first and ends below the second, 0 to 1.
            min_duration, release_duration: seconds above the first, below the second.
            update_interval: seconds between two updates of an open event.
            classes: labels that become events; None: all.
            background: a label that never does; "": none.

        Raises:
            InvalidArgument: an option is out of its range.
        """
        options: dict[str, Any] = opt.pruning(pruning, drop_number, seed, still_threshold)
        options |= {
            "resize": opt.choice("resize", resize, opt.RESIZES),
            "gap_policy": opt.choice("gap_policy", gap_policy, opt.GAP_POLICIES),
            "tail_policy": opt.choice("tail_policy", tail_policy, opt.TAIL_POLICIES),
            "blocking": bool(blocking),
            "static_skip": bool(static_skip),
            "max_results": opt.integer("max_results", max_results),
            "min_drop_number": opt.integer("min_drop_number", min_drop_number),
            "max_drop_number": opt.integer("max_drop_number", max_drop_number),
        }
        times = {
            "hop": hop,
            "sample_interval": sample_interval,
            "max_gap": max_gap,
            "min_duration": min_duration,
            "release_duration": release_duration,
            "update_interval": update_interval,
        }
        options |= {name: opt.nanoseconds(name, seconds) for name, seconds in times.items() if seconds is not None}
        if smoothing is not None:
            options["smoothing"] = opt.integer("smoothing", smoothing)
        for name, threshold in (("enter_threshold", enter_threshold), ("exit_threshold", exit_threshold)):
            if threshold is not None:
                options[name] = opt.number(name, threshold)
        if classes is not None:
            options["classes"] = [
                self._class_of(label) for label in ([classes] if isinstance(classes, str) else classes)
            ]
        if background is not None:
            options["background"] = self._class_of(background) if background else -1
        return Stream(self, options)

    def classify(self, path: str | os.PathLike[str], hop: float | None = None, **options: Any) -> Classification:
        """Labels a video file, which OpenCV decodes.

        Args:
            path: the video file.
            hop, options: the same as for ``stream``; the stream is blocking.

        Returns:
            The windows and events, with times in seconds of the video.

        Raises:
            ImportError: OpenCV is not installed. NotFound: there is no such file. InvalidArgument: OpenCV cannot read
            it, or an option is out of its range.
        """
        from ._video import classify

        return classify(self, path, hop, options)

    def forward(
        self,
        clip: npt.NDArray[Any],
        *,
        drop_number: int = 0,
        pruning: str = "sta",
        seed: int = 0,
        still_threshold: float | None = None,
        seeds: Sequence[int] | None = None,
    ) -> npt.NDArray[np.float32]:
        """One forward pass, in the thread of the caller.

        Args:
            clip: floating point (B, 3, T, H, W) or (3, T, H, W), normalised: (rgb - info.mean) / info.std of colours
                from 0 to 1. Or uint8 (B, T, H, W, 3) or (T, H, W, 3), RGB, which is normalised here. T, H, W as
                ``info`` says.
            drop_number, pruning, still_threshold: the same as for ``stream``. All clips take as many tokens as the one
                that changes most.
            seed: of pruning="random"; clip i takes seed + i.
            seeds: one for each clip instead.

        Returns:
            Logits, float32 (B, classes).

        Raises:
            InvalidArgument: another shape or type, or a drop number that the model does not have. OutOfMemory,
            InternalError.
        """
        if isinstance(drop_number, str) and drop_number == "auto":
            raise InvalidArgument("drop_number='auto' is for streams: a single pass has nothing to keep up with")
        options = opt.pruning(pruning, drop_number, seed, still_threshold)
        if seeds is not None:
            options["seeds"] = [opt.integer("seeds", s, 0, 2**64 - 1) for s in seeds]
        array = np.asarray(clip)
        if array.ndim == 4:
            array = array[np.newaxis]
        if array.ndim != 5:
            raise InvalidArgument(
                f"the clip has the shape {np.shape(clip)} and should have 5 dimensions, or 4 for a single one"
            )
        if array.dtype == np.uint8:
            return self._core.forward_frames(np.ascontiguousarray(array), options)
        if not np.issubdtype(array.dtype, np.floating):
            raise InvalidArgument(f"the clip is {array.dtype} and should be floating point or uint8")
        return self._core.forward(np.ascontiguousarray(array, dtype=np.float32), options)

    def preprocess(
        self,
        frame: Frame,
        *,
        format: str | None = None,
        resize: str = "auto",
        matrix: str | None = None,
        full_range: bool = False,
    ) -> npt.NDArray[np.uint8]:
        """A frame (as of ``Stream.push``) scaled and cropped as a stream does it: uint8 (H, W, 3), RGB.

        Raises:
            InvalidArgument: the frame contradicts its format, or an option is out of its range.
        """
        parts, kind = opt.planes(frame, format)
        options: dict[str, Any] = {"full_range": bool(full_range)}
        if matrix is not None:
            options["matrix"] = opt.choice("matrix", matrix, opt.MATRICES)
        return self._core.preprocess(parts, kind, options, opt.choice("resize", resize, opt.RESIZES))

    def _class_of(self, label: str) -> int:
        if label not in self._labels:
            raise InvalidArgument(f"{label!r} is no label of the model")
        return self._labels.index(label)

    def __repr__(self) -> str:
        i = self.info
        return f"<sta.Engine {i.name} on {i.device}, {i.precision}>"
