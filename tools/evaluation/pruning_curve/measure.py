# SPDX-License-Identifier: MIT
"""Finds which clips a pruned model recognises, for every drop number and rule, and how fast it is."""

import math
import statistics
import time

import numpy as np
import torch

from reference.model_folder import normalise
from evaluation.scores import confusion
from reference.sta_prune import gmacs, most_droppable, pruner
from training.window_training import show

ABLATIONS = "no-semantic", "no-temporal", "random-first"


def plan(g, args):
    """(r, rule, repetition) of every pruned pass. Rules that leave out a part of STA run at every second r."""
    numbers = range(args.step, most_droppable(g) + 1, args.step)
    passes = []
    for n, r in enumerate(numbers):
        passes += [(r, "sta", 0)] + [(r, "random", seed) for seed in range(args.seeds)]
        if n % 2 == 1:
            passes += [(r, rule, 0) for rule in ABLATIONS]
    return passes


@torch.no_grad()
def guesses(model, clips, passes, batch=48):
    """pass -> class numbers [n] of clips [n, F, S, S, 3]; the pass (0, "sta", 0) is the whole model. All passes are
    equal up to the first pruning call, so that part is computed once."""
    g = model.geometry
    passes = [(0, "sta", 0)] + passes
    chance = {p: torch.Generator().manual_seed(7919 * p[2] + p[0]) for p in passes}
    told = {p: np.zeros(len(clips), int) for p in passes}
    for i in range(0, len(clips), batch):
        first, keys = model.blocks[0](model.project(model.cut(normalise(clips[i:i + batch]))) + model.positions)
        for p in passes:
            prune = pruner(g, p[0], p[1], chance[p])
            x = prune(first, keys, 0)
            for number, block in enumerate(model.blocks[1:], 1):
                x, k = block(x)
                x = prune(x, k, number)
            logits = model.classifier(model.fc_norm(x.mean(1)))
            told[p][i:i + batch] = logits.argmax(1).numpy()
        show(f"{min(i + batch, len(clips))} of {len(clips)} clips")
    return told


@torch.no_grad()
def speeds(model, clips, numbers, runs=7, batch=16):
    """r -> clips per second of whole passes, median of `runs`, all r in turn."""
    inputs, times = normalise(clips[:batch]), {r: [] for r in numbers}
    for run in range(runs + 1):
        for r in numbers:
            began = time.perf_counter()
            model(inputs, pruner(model.geometry, r))
            if run:
                times[r].append(time.perf_counter() - began)
    return {r: batch / statistics.median(t) for r, t in times.items()}


def compare(right, r, seeds, mask):
    """STA against chance at one r on the clips of a mask: shares of right answers, standard error of chance over its
    repetitions, and the difference with its standard error over the clips."""
    sta = right[(r, "sta", 0)][mask].astype(float)
    chance = np.stack([right[(r, "random", seed)][mask] for seed in range(seeds)]).astype(float)  # [seeds, n]
    apart = sta - chance.mean(0)
    return {"sta": float(sta.mean()), "random": float(chance.mean()), "random_error": float(chance.mean(1).std(ddof=1) / math.sqrt(seeds)),
            "difference": float(apart.mean()), "difference_error": float(apart.std(ddof=1) / math.sqrt(len(apart)))}


def summarise(model, held_out, told, passes, args):
    """The result that is written as JSON."""
    truth = held_out.labels.numpy()
    right = {p: t == truth for p, t in told.items()}
    g, numbers = model.geometry, sorted({p[0] for p in passes})
    speed = speeds(model, held_out.clips, [0] + numbers)
    dense = right[(0, "sta", 0)]
    rows = [{"r": 0, "gmacs": gmacs(g, 0), "sta": float(dense.mean()), "clips_per_second": speed[0]}]
    everything = np.ones(len(dense), bool)
    for r in numbers:
        row = {"r": r, "gmacs": gmacs(g, r), **compare(right, r, args.seeds, everything), "clips_per_second": speed[r]}
        row |= {rule: float(right[(r, rule, 0)].mean()) for rule in ABLATIONS if (r, rule, 0) in right}
        rows.append(row)
    groups = [{"group": name, "clips": int(mask.sum()), "dense": float(dense[mask].mean()),
               "rows": [{"r": r, **compare(right, r, args.seeds, mask)} for r in numbers]} for name, mask in held_out.groups.items()]
    return {"clips": len(dense), "seeds": args.seeds, "tokens_per_group": g.per_step, "rows": rows, "groups": groups,
            "confusion": confusion(truth, told[(0, "sta", 0)], g.classes).tolist()}


def measure(model, held_out, args):
    passes = plan(model.geometry, args)
    return summarise(model, held_out, guesses(model, held_out.clips, passes), passes, args)
