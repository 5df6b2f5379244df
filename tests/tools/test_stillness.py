# SPDX-License-Identifier: MIT
"""Tests stillness in plain Python: what is still, which tokens fill a bucket, how many each group loses, which stay."""

import numpy as np
import pytest
from reference.stillness import bucket, choose_tokens, find_still, plan, random_keep, share_drops, sta_keep


def test_drift_adds_up_and_flicker_counts():
    drift = np.arange(8.0)[:, None, None] * np.ones((8, 1, 4))
    flicker = (np.arange(8.0) % 2)[:, None, None] * 9 * np.ones((8, 1, 4))
    change = find_still(np.concatenate([drift, flicker], 1), 2.5)
    assert np.isinf(change[:, 0]).tolist() == [True, False, False, True, False, False, True, False]
    assert change[1:3, 0].tolist() == [1.0, 2.0]
    assert np.isinf(change[:, 1]).all()


def test_tokens_cover_every_step_once():
    rng = np.random.default_rng(1)
    for _ in range(200):
        steps, places = rng.integers(1, 9), rng.integers(1, 7)
        change = np.where(rng.random((steps, places)) < 0.4, np.inf, rng.random((steps, places)))
        change[0] = np.inf
        changed = int(np.isinf(change).sum())
        count = int(rng.integers(changed, steps * places + 1))
        tokens, runs = choose_tokens(change, count)
        assert len(tokens) == count and (np.diff(tokens) > 0).all()
        covered = np.zeros(steps * places, int)
        for token, run in zip(tokens, runs):
            covered[token + places * np.arange(run)] += 1
        assert (covered == 1).all()
        inside = np.isin(np.arange(steps * places), tokens)
        assert inside[np.isinf(change.flatten())].all()
        if inside.all() or changed == count:
            continue
        assert change.flatten()[~inside].max() <= change.flatten()[inside].min()


def test_bucket():
    assert [bucket(n, 100) for n in (1, 16, 17, 97)] == [16, 16, 32, 100]


def test_nothing_still_is_the_papers_rule():
    calls = plan([196] * 8, 196, 64)
    assert [call[1] for call in calls] == [[64] * 8, [64] * 4, [64] * 2]
    assert [call[0] for call in calls] == [[196] * 8, [264] * 4, [400] * 2]


@pytest.mark.parametrize("counts, total, drops", [([10, 20, 30], 6, [1, 2, 3]), ([4, 1, 0, 5], 5, [2, 0, 0, 3]), ([4, 1, 1], 6, [2, 0, 0])])
def test_shares(counts, total, drops):
    assert share_drops(counts, total, 0) == drops


def test_kept_tokens_are_those_with_the_smallest_scores():
    rng = np.random.default_rng(2)
    counts, drops = [6, 0, 1, 4], [2, 0, 0, 2]
    x, keys = rng.normal(size=(11, 5)), rng.normal(size=(11, 3))
    kept = sta_keep(x, keys, counts, drops, False)
    assert {1, 3, 5} <= set(kept[:4])
    assert len(kept) == 7 and len(set(kept)) == 7 and kept[4] == 6
    # A token whose features are the largest of its group has a score of 0, so it stays and comes first.
    x[9] = 100
    assert sta_keep(x, keys, counts, drops, False)[5] == 9
    # Backwards the last group is scanned first: it keeps its odd positions.
    assert {8, 10} <= set(sta_keep(x, keys, counts, drops, True)[-2:])


def test_chance_keeps_as_many_of_each_group():
    rng = np.random.default_rng(3)
    kept = random_keep([6, 0, 1, 4], [2, 0, 0, 2], rng)
    assert (np.diff(kept) > 0).all() and [int(((kept >= a) & (kept < b)).sum()) for a, b in ((0, 6), (6, 7), (7, 11))] == [4, 1, 2]
