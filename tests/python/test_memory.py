# SPDX-License-Identifier: MIT
"""Tests that memory does not grow, over 10,000 windows (or STA_TEST_WINDOWS, from 2000 on) and over many streams and
engines."""

import gc
import os

from conftest import NANO

PAGE = os.sysconf("SC_PAGE_SIZE")
WINDOWS = int(os.environ.get("STA_TEST_WINDOWS", "10000"))


def resident():
    """Resident memory, MiB."""
    gc.collect()
    with open("/proc/self/statm", encoding="utf-8") as file:
        return int(file.read().split()[1]) * PAGE / 2**20


def test_ten_thousand_windows(nano, pictures):
    with nano.stream(hop=0.01, sample_interval=0.01, blocking=True, static_skip=False) as stream:
        count = events = frames = 0
        at = {}
        while count < WINDOWS:
            stream.push(pictures[frames % 64], frames * 0.01, duration=0.01)
            frames += 1
            count += sum(1 for w in stream if w.probabilities.size)
            events += sum(1 for _ in stream.events())
            if count in (1000, WINDOWS):
                at.setdefault(count, resident())
        assert stream.stats()["windows_reused"] == 0
    print(f"{at[1000]:.1f} MiB after 1,000 windows, {at[WINDOWS]:.1f} MiB after {WINDOWS:,}")
    assert at[WINDOWS] - at[1000] < 2


def test_ten_thousand_windows_that_nobody_reads(nano, pictures):
    # Always the same picture, so that computing takes no time.
    with nano.stream(
        hop=0.01, sample_interval=0.01, blocking=True, enter_threshold=0.01, update_interval=0.01
    ) as stream:
        before = 0
        for i in range(WINDOWS + 16):
            stream.push(pictures[0], i * 0.01, duration=0.01)
            # All that is kept is full by then.
            if i == 1500:
                before = resident()
        assert stream.stats()["windows_classified"] >= WINDOWS
        assert resident() - before < 2


def test_streams_and_engines(sta, pictures):
    def turn(count):
        for _ in range(count):
            engine = sta.Engine(NANO, device="cpu", inference_threads=1)
            with engine.stream(sample_interval=0.05, blocking=True) as stream:
                for i in range(20):
                    stream.push(pictures[i], i * 0.05)
                assert list(stream)
                engine.preprocess(pictures[0])

    turn(50)
    before = resident()
    turn(200)
    after = resident()
    print(f"{before:.1f} MiB after 50 engines, {after:.1f} MiB after 250")
    assert after - before < 4
