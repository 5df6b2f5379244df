# SPDX-License-Identifier: MIT
"""Stillness and the pruning of ragged groups, in plain Python: what sta-core/stillness and sta-core/pruning/ragged* are
compared with, and what trainings use.

A token is still if its tubelet differs by less than a threshold from the tubelet of the last token at the same place
that was not still. Still tokens do not enter the first block. STA then prunes groups of different sizes.
"""

import numpy as np


def find_still(tubelets, threshold):
    """tubelets [T, N, P], normalised, T steps of N places -> change [T, N]: the mean absolute difference from the last
    changed token at the place, infinite where the token is not still. The first step is never still."""
    steps, places, _ = tubelets.shape
    change = np.full((steps, places), np.inf)
    last = tubelets[0].copy()
    for t in range(1, steps):
        difference = np.abs(tubelets[t] - last).mean(-1)
        still = difference < threshold
        change[t, still] = difference[still]
        last[~still] = tubelets[t, ~still]
    return change


def bucket(count, tokens, size=16):
    """count rounded up to a multiple of size, at most all tokens."""
    return min(tokens, -(-count // size) * size)


def choose_tokens(change, count=None):
    """change [T, N] -> (tokens [K] ascending, runs [K]: the steps each stands for). count: K; the most changed of the
    still tokens, the earlier of equal ones, fill it up. None: the bucket of the tokens that are not still."""
    steps, places = change.shape
    flat = change.flatten()
    if count is None:
        count = bucket(int(np.isinf(flat).sum()), len(flat))
    tokens = np.sort(np.argsort(-flat, kind="stable")[:count])
    runs, following = np.empty(count, int), np.full(places, steps)
    for i in range(count - 1, -1, -1):
        step, place = divmod(int(tokens[i]), places)
        runs[i] = following[place] - step
        following[place] = step
    return tokens, runs


def share_drops(counts, total, first):
    """The drops of a call: `total`, or as many as the groups can lose. Each group's share goes by its size, the largest
    remainders are rounded up. first: the group scanned first, which loses even positions only."""
    limits = [0 if n < 2 else (n + 1) // 2 if g == first else n - 1 for g, n in enumerate(counts)]
    total, tokens = min(total, sum(limits)), max(sum(counts), 1)
    drops = [min(limit, total * n // tokens) for limit, n in zip(limits, counts)]
    order = sorted(range(len(counts)), key=lambda g: -(total * counts[g] % tokens))
    left = total - sum(drops)
    while left > 0:
        for g in order:
            if left > 0 and drops[g] < limits[g]:
                drops[g] += 1
                left -= 1
    return drops


def first_of(counts, backward):
    order = range(len(counts) - 1, -1, -1) if backward else range(len(counts))
    return next((g for g in order if counts[g]), 0)


def sta_keep(x, keys, counts, drops, backward):
    """Indices kept of the tokens of one window, groups in order of time, each by ascending score. x [K, C]; keys [K, D]:
    mean over heads; counts, drops: of each group. The formulas are those of sta_prune.sta_keep."""
    k = keys / np.maximum(np.linalg.norm(keys, axis=-1, keepdims=True), 1e-20)
    meaning = np.abs(x).sum(-1)
    starts = np.concatenate([[0], np.cumsum(counts)])
    groups = [np.arange(starts[g], starts[g + 1]) for g in range(len(counts))]
    kept, old, mass = [np.empty(0, int) for _ in counts], None, None
    for g in reversed(range(len(counts))) if backward else range(len(counts)):
        new, n = groups[g], counts[g] - drops[g]
        if len(new) == 0:
            continue
        if old is None:
            even, odd = new[0::2], new[1::2]
            similar = (k[even] @ k[odd].T).max(1) if len(odd) else np.zeros(len(even))
            kept[g] = np.concatenate([odd, even[np.argsort(similar, kind="stable")]])[:n]
            mass = np.ones(len(new))
        else:
            e = np.exp(k[new] @ k[old].T)
            mass = (e / e.sum(0)) @ mass
            low, high = meaning[new].min(), meaning[new].max()
            score = mass * (1 - (meaning[new] - low) / max(high - low, 1e-20))
            order = np.argsort(score, kind="stable")[:n]
            kept[g] = new[order]
            alive = np.zeros(len(new))
            alive[order] = mass[order]
            mass = alive / max(alive.sum(), 1e-20)
        old = new
    return np.concatenate(kept)


def random_keep(counts, drops, rng):
    """As many tokens of each group as sta_keep keeps, chosen by chance, ascending."""
    starts = np.concatenate([[0], np.cumsum(counts)])
    return np.concatenate([start + np.sort(rng.permutation(n)[:n - d]) for start, n, d in zip(starts, counts, drops)]).astype(int)


def gmacs(g, tokens, calls):
    """Multiply-adds of one clip in 1e9, counted as sta_prune.gmacs does. tokens: that enter the first block; calls: of
    plan(), None: dense."""
    from reference.sta_prune import call_after
    c = g.channels
    total = tokens * 3 * g.tubelet * g.patch ** 2 * c
    for block in range(g.depth):
        total += tokens * (4 * c * c + 2 * c * g.hidden) + 2 * tokens * tokens * c
        call = call_after(block, g.depth)
        if calls is not None and call is not None:
            tokens -= sum(calls[call][1])
    return (total + c * g.classes) / 1e9


def plan(counts, per_step, r):
    """The three calls of one window: a list of (counts, drops). counts: tokens of each step."""
    calls, dense, counts = [], per_step, list(counts)
    for call in range(3):
        total = (2 * r * sum(counts) + dense) // (2 * dense)
        drops = share_drops(counts, total, first_of(counts, call == 1))
        calls.append((counts, drops))
        left = [n - d for n, d in zip(counts, drops)]
        counts = [a + b for a, b in zip(left[0::2], left[1::2])]
        dense = 2 * (dense - r)
    return calls


def forward(model, clip, threshold, r=0, count=None, rule="sta", rng=None):
    """One normalised clip [F, 3, S, S] through a VideoClassifier: (logits, tokens that enter the first block, GMACs).
    rule: "sta", or "random" with a numpy generator rng."""
    import torch

    from reference.sta_prune import call_after
    g = model.geometry
    with torch.no_grad():
        tubelets = model.cut(clip[None])[0]  # [L, P]
        change = find_still(tubelets.numpy().reshape(g.steps, g.per_step, -1), threshold)
        tokens, runs = choose_tokens(change, count)
        weights = torch.tensor(runs, dtype=torch.float32)
        calls = plan(np.bincount(tokens // g.per_step, minlength=g.steps), g.per_step, r) if r else None
        x = model.project(tubelets[tokens])[None] + model.positions[tokens]
        for number, block in enumerate(model.blocks):
            x, keys = block(x)
            call = call_after(number, g.depth)
            if calls is None or call is None:
                continue
            if rule == "random":
                kept = random_keep(*calls[call], rng)
            else:
                kept = sta_keep(x[0].double().numpy(), keys[0].double().numpy(), *calls[call], call == 1)
            x, weights = x[:, kept], weights[kept]
        mean = (x[0] * weights[:, None]).sum(0) / weights.sum()
        return model.classifier(model.fc_norm(mean)), len(tokens), gmacs(g, len(tokens), calls)
