# SPDX-License-Identifier: MIT
"""Tests that every failure is an exception with one sentence."""

import sys

import numpy as np
import pytest
from conftest import CAMERA_WATCH, DEMO, NANO


def test_kinds(sta):
    for kind, builtin in (
        (sta.InvalidArgument, ValueError),
        (sta.NotFound, FileNotFoundError),
        (sta.OutOfMemory, MemoryError),
        (sta.DeviceError, RuntimeError),
    ):
        assert issubclass(kind, sta.Error) and issubclass(kind, builtin)


@pytest.mark.parametrize(
    "kind, words, options",
    [
        ("NotFound", "nowhere", {"model": "/nowhere"}),
        ("BadModel", "test_errors", {"model": __file__}),
        ("InvalidArgument", "fp64", {"precision": "fp64"}),
        ("InvalidArgument", "tpu", {"device": "tpu"}),
        ("InvalidArgument", "device", {"device": 3}),
        ("InvalidArgument", "inference_threads", {"inference_threads": 1.5}),
        ("InvalidArgument", "inference_threads", {"inference_threads": 2**40}),
        ("InvalidArgument", "batch", {"max_batch": 1000}),
        ("InvalidArgument", "batch_timeout", {"batch_timeout": float("nan")}),
        ("NotFound", "labels", {"labels": "/no/labels"}),
    ],
)
def test_engines(sta, kind, words, options):
    with pytest.raises(getattr(sta, kind), match=words) as caught:
        sta.Engine(**{"model": NANO, "device": "cpu", **options})
    assert "\n" not in str(caught.value).strip()


@pytest.mark.parametrize(
    "words, options",
    [
        ("hop", {"hop": -1}),
        ("hop", {"hop": "a"}),
        ("drop", {"drop_number": 1000}),
        ("drop_number", {"drop_number": 1.5}),
        ("pruning", {"pruning": "most"}),
        ("still_threshold", {"still_threshold": -1}),
        ("still_threshold", {"still_threshold": 10.5}),
        ("still_threshold", {"still_threshold": "much"}),
        ("gap_policy", {"gap_policy": "jump"}),
        ("max.results", {"max_results": 0}),
        ("no label", {"classes": ["dancing"]}),
        ("no label", {"background": "dancing"}),
        ("threshold", {"enter_threshold": 2.0}),
        ("seed", {"seed": -1}),
    ],
)
def test_streams(sta, nano, words, options):
    with pytest.raises(sta.InvalidArgument, match=words):
        nano.stream(**options)


@pytest.mark.parametrize(
    "words, frame, format",
    [
        ("side by side", lambda p: p[..., ::-1], None),
        ("uint8", lambda p: p.astype(np.float32), None),
        ("format", lambda p: p[..., :2], None),
        ("format", lambda p: [p], None),
        ("shape", lambda p: p[..., :2].copy(), "RGB"),
        ("no picture", lambda p: p[:0], "RGB"),
        ("planes", lambda p: [p[..., 0].copy()], "I420"),
        ("plane 1", lambda p: [p[..., 0].copy(), p[..., 0].copy(), p[..., 0].copy()], "I420"),
        ("uint16", lambda p: [p[..., 0].copy(), p[:20, :28, :2].copy()], "P010"),
        ("one array", lambda p: p[..., 0].copy(), "I420"),
        ("numpy array", lambda p: ["a"], "RGB"),
        ("numpy array", lambda p: [[[1, 2, 3]]], "RGB"),
        ("sequence", lambda p: 3, "RGB"),
        ("RGBA", lambda p: p, "RGBA"),
    ],
)
def test_frames(sta, nano, pictures, words, frame, format):
    with nano.stream() as stream, pytest.raises(sta.InvalidArgument, match=words):
        stream.push(frame(pictures[0]), 0.0, format=format)


@pytest.mark.parametrize("time", [-1.0, float("nan"), float("inf"), "now", None, 1e30])
def test_times(sta, nano, pictures, time):
    with nano.stream() as stream, pytest.raises(sta.InvalidArgument, match="time"):
        stream.push(pictures[0], time)


def test_clips(sta, nano):
    for clip in (
        np.zeros((3, 16, 64, 32), np.float32),
        np.zeros((16, 64, 64, 1), np.uint8),
        np.zeros(5),
        np.zeros((0, 3, 16, 64, 64)),
        np.zeros((3, 16, 64, 64), int),
    ):
        with pytest.raises(sta.InvalidArgument, match="clip"):
            nano.forward(clip)
    with pytest.raises(sta.InvalidArgument, match="drop"):
        nano.forward(np.zeros((3, 16, 64, 64)), drop_number=1000)
    with pytest.raises(sta.InvalidArgument, match="seeds"):
        nano.forward(np.zeros((3, 16, 64, 64)), pruning="random", drop_number=2, seeds=[1, 2])


def test_closed_streams(sta, nano, pictures):
    stream = nano.stream()
    stream.close()
    for call in (lambda: stream.push(pictures[0], 0), stream.drain, stream.reset, stream.stats):
        with pytest.raises(sta.InvalidArgument, match="closed"):
            call()
    assert stream.wait(1) is False and list(stream) == []


def test_files(sta, nano, tmp_path):
    pytest.importorskip("cv2")
    with pytest.raises(sta.NotFound, match="nothing.mp4"):
        nano.classify(tmp_path / "nothing.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(sta.InvalidArgument, match="text.mp4"):
        nano.classify(tmp_path / "text.mp4")
    with pytest.raises(TypeError):
        nano.classify(DEMO, speed=2)


def test_opencv_that_is_missing(sta, nano, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match="pip install opencv-python-headless"):
        nano.classify(DEMO)


def test_repr(sta):
    assert "camera-watch on cpu" in repr(sta.Engine(CAMERA_WATCH, device="cpu"))
