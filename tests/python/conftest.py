# SPDX-License-Identifier: MIT
"""Fixtures for the tests of the wheel: paths, and helpers that several tests need."""

import os

import numpy as np
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("STA_BUILD", os.path.join(ROOT, "build"))
CAMERA_WATCH = os.path.join(ROOT, "models", "camera-watch")
NANO = os.path.join(ROOT, "tests", "golden", "hf_models", "videomae_tutorial_nano")
DEMO = os.path.join(ROOT, "media", "camera-watch-demo.mp4")


@pytest.fixture(scope="session")
def sta():
    import sta

    return sta


@pytest.fixture(scope="session")
def engine(sta):
    return sta.Engine(CAMERA_WATCH, device="cpu", precision="fp32", inference_threads=1)


@pytest.fixture(scope="session")
def nano(sta):
    """Five classes, 64 x 64, 16 frames, 0.24 M parameters."""
    return sta.Engine(NANO, device="cpu", precision="fp32", inference_threads=1)


@pytest.fixture(scope="session")
def pictures():
    """64 frames of noise, uint8 (40, 56, 3)."""
    return np.random.default_rng(1).integers(0, 256, (64, 40, 56, 3), dtype=np.uint8)


def run(stream, frames, interval=0.05, **options):
    """All windows of frames at a steady rate."""
    windows = []
    for i, frame in enumerate(frames):
        stream.push(frame, i * interval, duration=interval, **options)
        windows.extend(stream)
    stream.drain()
    windows.extend(stream)
    return windows
