# SPDX-License-Identifier: MIT
"""Tests streams: frames in, windows and events out."""

import math
import sys
import types

import numpy as np
import pytest
from conftest import run


def test_windows_and_their_times(nano, pictures):
    with nano.stream(hop=0.4, sample_interval=0.1, blocking=True) as stream:
        assert (stream.hop, stream.sample_interval, stream.window_length) == (0.4, 0.1, 1.6)
        windows = run(stream, pictures)
    assert [w.id for w in windows] == list(range(len(windows))) and len(windows) >= 4
    assert [w.start for w in windows[:3]] == [0.0, 0.4, 0.8] and windows[0].end == 1.6
    for w in windows:
        assert w.probabilities.shape == (5,) and w.probabilities.dtype == np.float32
        assert math.isclose(float(w.probabilities.sum()), 1, rel_tol=1e-5)
        assert w.top(5)[0] == w.top(1)[0] and w.label == nano.labels[int(np.argmax(w.probabilities))]
        assert len(w.top(100)) == 5 and w.top(0) == [] and w.error is None


def test_iteration_ends_and_goes_on(nano, pictures):
    with nano.stream(sample_interval=0.05, blocking=True) as stream:
        assert list(stream) == [] and list(stream.events()) == []
        for i in range(40):
            stream.push(pictures[i], i * 0.05)
        some = list(stream)
        assert some and list(stream) == []
        stream.drain()
        assert all(w.id > some[-1].id for w in stream)


def test_live_streams_are_waited_for(nano, pictures):
    with nano.stream(sample_interval=0.05) as stream:
        assert not stream.wait(0.0)
        for i in range(20):
            stream.push(pictures[i], i * 0.05)
        assert stream.wait(30)
        # On a busy machine the second window replaces the first.
        assert next(iter(stream)).id in (0, 1)


def test_events_begin_and_end(nano, pictures):
    options = {"enter_threshold": 0.01, "exit_threshold": 0.005, "classes": nano.labels[:1], "sample_interval": 0.05}
    with nano.stream(blocking=True, **options) as stream:
        run(stream, pictures)
        kinds = [(e.kind, e.label) for e in stream.events()]
    assert kinds[0] == ("start", nano.labels[0]) and kinds[-1] == ("end", nano.labels[0])
    with nano.stream(blocking=True, enter_threshold=0.01, classes=[], sample_interval=0.05) as stream:
        run(stream, pictures)
        assert list(stream.events()) == []


@pytest.mark.parametrize(
    "format, make",
    [
        (None, lambda p: p),
        ("BGR", lambda p: p[..., ::-1].copy()),
        ("RGBX", lambda p: np.dstack([p, p[..., :1]])),
        ("XBGR", lambda p: np.dstack([p[..., :1], p[..., ::-1]])),
        (None, lambda p: np.pad(p, ((0, 0), (3, 5), (0, 0)))[:, 3:-5]),  # padded rows
        (None, lambda p: p[::-1].copy()[::-1]),  # bottom-up
    ],
)
def test_layouts_of_the_same_picture(nano, pictures, format, make):
    plain = nano.preprocess(pictures[0])
    assert plain.shape == (64, 64, 3) and plain.dtype == np.uint8
    assert np.array_equal(nano.preprocess(make(pictures[0]), format=format), plain)


def test_planes_of_one_array_and_of_many(nano):
    rng = np.random.default_rng(2)
    stacked = rng.integers(16, 236, (48, 40), dtype=np.uint8)
    luma, u, v = stacked[:32], stacked[32:40].reshape(16, 20), stacked[40:].reshape(16, 20)
    one = nano.preprocess(stacked, format="I420")
    assert np.array_equal(nano.preprocess([luma, u, v], format="I420"), one)
    assert np.array_equal(nano.preprocess([luma, v, u], format="YV12"), one)
    uv = np.stack([u, v], axis=-1)
    assert np.array_equal(nano.preprocess((luma, uv), format="NV12"), one)
    assert np.array_equal(nano.preprocess((luma, uv.reshape(16, 40)), format="NV12"), one)
    words = [np.left_shift(p.astype(np.uint16), 2) for p in (luma, u, v)]
    assert np.abs(nano.preprocess(words, format="I420_10").astype(int) - one).max() <= 1
    assert not np.array_equal(nano.preprocess(stacked, format="I420", matrix="bt709"), one)
    assert not np.array_equal(nano.preprocess(stacked, format="I420", full_range=True), one)


def test_a_frame_is_not_kept(nano, pictures):
    with nano.stream(sample_interval=0.05, blocking=True) as stream:
        plain = run(stream, pictures[:32])
    with nano.stream(sample_interval=0.05, blocking=True) as stream:
        reused = pictures[0].copy()
        again = []
        for i in range(32):
            reused[:] = pictures[i]
            stream.push(reused, i * 0.05, duration=0.05)
            reused[:] = 0
            again.extend(stream)
        stream.drain()
        again.extend(stream)
    assert len(plain) == len(again) > 0
    assert all(np.array_equal(a.probabilities, b.probabilities) for a, b in zip(plain, again))


def test_forward_is_what_a_stream_computes(nano, pictures):
    with nano.stream(sample_interval=0.05, blocking=True, tail_policy="drop") as stream:
        window = run(stream, pictures[:16])[0]
    info = nano.info
    clip = np.stack([nano.preprocess(p) for p in pictures[:16]])
    logits = nano.forward(clip)
    assert logits.shape == (1, 5) and logits.dtype == np.float32
    odds = np.exp(logits[0] - logits[0].max())
    assert np.allclose(odds / odds.sum(), window.probabilities, atol=1e-6)
    planar = ((clip / 255 - np.array(info.mean)) / np.array(info.std)).transpose(3, 0, 1, 2)
    assert np.allclose(nano.forward(planar), logits, atol=1e-4)
    both = nano.forward(np.stack([planar, planar]), drop_number=info.max_drop_number)
    assert (
        both.shape == (2, 5)
        and np.allclose(both[0], both[1], atol=1e-5)
        and not np.allclose(both[0], logits[0], atol=1e-5)
    )
    seeds = nano.forward(np.stack([planar, planar]), drop_number=4, pruning="random", seeds=[7, 7])
    assert np.allclose(seeds[0], seeds[1], atol=1e-5)


def test_still_tokens_are_dropped(nano, pictures):
    still = np.repeat(pictures[:1], 24, axis=0)
    all_tokens = nano.info.num_tokens
    assert nano.info.still_threshold == 0
    spent = {}
    for name, frames in (("still", still), ("moving", pictures[:24])):
        for threshold in (None, 0, 0.1):
            with nano.stream(sample_interval=0.05, blocking=True, tail_policy="drop", static_skip=False, still_threshold=threshold) as stream:
                windows = run(stream, frames)
                assert stream.stats()["tokens"] == windows[-1].tokens
            expected = all_tokens if name == "moving" or threshold != 0.1 else -(-(all_tokens // 8) // 16) * 16
            assert [w.tokens for w in windows] == [expected] * len(windows), (name, threshold)
            spent[name, threshold] = windows[0].multiply_adds
            clip = np.stack([nano.preprocess(p) for p in frames[:16]])
            logits = nano.forward(clip, still_threshold=threshold)[0]
            odds = np.exp(logits - logits.max())
            assert np.allclose(odds / odds.sum(), windows[0].probabilities, atol=1e-5), (name, threshold)
    assert 0 < spent.pop(("still", 0.1)) < min(spent.values()) and len(set(spent.values())) == 1


def test_gaps_resets_and_counts(nano, pictures):
    with nano.stream(sample_interval=0.05, blocking=True) as stream:
        for i in range(10):
            stream.push(pictures[i], i * 0.05)
        stream.push(pictures[0], 100.0)
        stream.advance(200.0)
        stream.reset()
        stats = stream.stats()
    assert stats["frames"] == 11 and stats["gaps"] >= 1 and stats["windows_lost"] == 0


def test_what_is_not_read_is_given_up(nano, pictures):
    with nano.stream(hop=0.05, sample_interval=0.05, blocking=True, max_results=3) as stream:
        for i in range(30):
            stream.push(pictures[i], i * 0.05)
        stats = stream.stats()
        assert len(list(stream)) == 3 and stats["windows_lost"] == stats["windows_classified"] - 3 > 0


def test_what_was_finished_is_read_after_the_end(nano, pictures):
    stream = nano.stream(sample_interval=0.05, blocking=True)
    for i in range(20):
        stream.push(pictures[i], i * 0.05)
    stream.close()
    stream.close()
    assert stream.closed and list(stream)


def test_frames_of_a_file_that_have_no_time(nano, pictures, tmp_path, monkeypatch):
    """Those are shown one after the other: OpenCV 4.6 says 0 for the last frames of some files."""
    times = [i * 50.0 for i in range(30)] + [0.0, 0.0]

    class Video:
        count = 0

        def __init__(self, path):
            pass

        def isOpened(self):
            return True

        def get(self, what):
            return 20.0 if what == "fps" else times[self.count - 1]

        def read(self):
            self.count += 1
            return self.count <= len(times), pictures[self.count % 64]

        def release(self):
            pass

    cv2 = types.SimpleNamespace(VideoCapture=Video, CAP_PROP_FPS="fps", CAP_PROP_POS_MSEC="time")
    monkeypatch.setitem(sys.modules, "cv2", cv2)
    (tmp_path / "video").touch()
    windows, _ = nano.classify(tmp_path / "video", hop=0.8, sample_interval=0.05)
    assert [(w.start, w.end, w.degraded) for w in windows] == [(0.0, 0.8, False), (0.8, 1.6, False)]
