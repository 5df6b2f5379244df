# SPDX-License-Identifier: MIT
"""Tests many threads, and the GIL, which must be free while a call computes or waits."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import NANO, run


def test_streams_in_threads_see_what_one_sees(nano, pictures):
    def work(first):
        with nano.stream(sample_interval=0.05, blocking=True) as stream:
            return [w.probabilities for w in run(stream, np.roll(pictures, first, axis=0))]

    alone = [work(i) for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(work, range(4)))
    for a, t in zip(alone, together):
        assert len(a) == len(t) > 0 and all(np.allclose(x, y, atol=1e-5) for x, y in zip(a, t))


def test_the_gil_is_free(engine):
    ticks, stop = [0], threading.Event()

    def tick():
        while not stop.is_set():
            time.sleep(0.001)
            ticks[0] += 1

    info = engine.info
    clip = np.zeros((32, info.num_frames, info.image_height, info.image_width, 3), np.uint8)
    thread = threading.Thread(target=tick)
    thread.start()
    try:
        begin, before = time.monotonic(), ticks[0]
        engine.forward(clip)
        seconds, during = time.monotonic() - begin, ticks[0] - before
    finally:
        stop.set()
        thread.join()
    # With the GIL held, it would be one or two.
    assert during >= 10, f"{during} in {seconds:.2f} s"


def test_one_stream_from_many_threads(nano, pictures):
    with nano.stream(sample_interval=0.05) as stream:
        done = threading.Event()

        def read():
            seen = 0
            while not done.is_set() or stream.wait(0):
                stream.wait(0.05)
                seen += sum(1 for _ in stream) + sum(0 for _ in stream.events())
            return seen

        with ThreadPoolExecutor(6) as pool:
            readers = [pool.submit(read) for _ in range(2)]
            writers = [
                pool.submit(lambda: [stream.push(pictures[i % 64], i * 0.01) for i in range(500)]) for _ in range(3)
            ]
            for w in writers:
                w.result()
            stream.drain()
            done.set()
            seen = sum(r.result() for r in readers)
        stats = stream.stats()
    # Three clocks in one stream: when time goes back, the stream resets and drops what it has classified meanwhile.
    read = seen + stats["windows_lost"]
    assert (
        stats["frames"] == 1500
        and stats["windows_classified"] - stats["windows_discarded"] <= read <= stats["windows_classified"]
    )


def test_the_end_wakes_who_waits(nano):
    stream = nano.stream()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(stream.wait)
        time.sleep(0.1)
        stream.close()
        assert waiting.result(timeout=5) is False


def test_the_end_while_frames_come(sta, nano, pictures):
    for _ in range(10):
        stream = nano.stream(hop=0.01, sample_interval=0.01, blocking=True)

        def push():
            for i in range(100000):
                stream.push(pictures[i % 64], i * 0.01)

        with ThreadPoolExecutor(1) as pool:
            pushing = pool.submit(push)
            time.sleep(0.15)
            stream.close()
            with pytest.raises((sta.Closed, sta.InvalidArgument), match="closed"):
                pushing.result(timeout=10)


def test_streams_outlive_their_engine(sta, pictures):
    stream = sta.Engine(NANO, device="cpu", inference_threads=1).stream(sample_interval=0.05, blocking=True)
    assert run(stream, pictures[:20])
