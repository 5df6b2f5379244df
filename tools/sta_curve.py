#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Accuracy against compute of a model pruned by STA and by chance, on moved clips of held-out source videos.

    tools/sta_curve.py --videos FOLDER [--model models/camera-watch]

Writes sta-curve.json and sta-curve.png into the model folder and prints the table.
"""

import argparse
import json
import math
import os
import sys
import time

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from camera_watch import CLASSES  # noqa: E402
from camera_watch.clips import ClipMaker  # noqa: E402
from camera_watch.footage import load_videos  # noqa: E402
from model_folder import load_folder, normalise  # noqa: E402
from sta_prune import gmacs, most_droppable, pruner  # noqa: E402


@torch.no_grad()
def accuracy(model, clips, labels, r, rule, seed=0, batch=48):
    """Share of clips [n, F, S, S, 3] recognised when r tokens a group are dropped by `rule`, and clips per second."""
    generator = torch.Generator().manual_seed(seed)
    right, began = 0, time.time()
    for i in range(0, len(clips), batch):
        logits = model(normalise(clips[i:i + batch]), pruner(model.geometry, r, rule, generator))
        right += int((logits.argmax(1) == labels[i:i + batch]).sum())
    return right / len(clips), len(clips) / (time.time() - began)


def make_clips(args):
    maker = ClipMaker([(1.0, load_videos(args.videos, args.cache, "held-out"))], args.seed + 3 * 10 ** 6)
    made = [maker.make(i, label=i % len(CLASSES)) for i in range(args.clips)]
    return torch.from_numpy(np.stack([m[0] for m in made])), torch.tensor([m[1] for m in made])


def measure(args):
    model, _, _ = load_folder(args.model)
    g = model.geometry
    clips, labels = make_clips(args)
    rows = []
    for r in range(0, most_droppable(g) + 1, args.step):
        sta, speed = accuracy(model, clips, labels, r, "sta")
        row = {"r": r, "gmacs": gmacs(g, r), "sta": sta, "clips_per_second": speed}
        if r:
            chance = [accuracy(model, clips, labels, r, "random", seed)[0] for seed in range(args.seeds)]
            row["random"] = float(np.mean(chance))
            row["random_error"] = float(np.std(chance, ddof=1) / math.sqrt(len(chance)))
            for rule in ("no-semantic", "no-temporal"):
                row[rule] = accuracy(model, clips, labels, r, rule)[0]
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
    return {"clips": len(clips), "seeds": args.seeds, "tokens_per_group": g.per_step, "rows": rows}


def print_table(result):
    print("| r | GMACs | STA top-1 | random top-1 (± standard error) | without semantic score | without temporal score |\n|---|---|---|---|---|---|")
    for row in result["rows"]:
        rest = ["-"] * 3
        if row["r"]:
            rest = [f"{100 * row['random']:.1f} ± {100 * row['random_error']:.1f}"] + [f"{100 * row[k]:.1f}" for k in ("no-semantic", "no-temporal")]
        print(f"| {row['r']} | {row['gmacs']:.3f} | {100 * row['sta']:.1f} | " + " | ".join(rest) + " |")


def plot(result, path, title):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    rows = result["rows"]
    figure, axes = plt.subplots(figsize=(6, 4), dpi=120)
    axes.plot([r["gmacs"] for r in rows], [100 * r["sta"] for r in rows], "o-", label="STA")
    pruned = [r for r in rows if r["r"]]
    dense = rows[0]
    axes.errorbar([dense["gmacs"]] + [r["gmacs"] for r in pruned], [100 * dense["sta"]] + [100 * r["random"] for r in pruned],
                  [0] + [100 * r["random_error"] for r in pruned], fmt="s--", capsize=3, label=f"random, {result['seeds']} seeds")
    for r in rows[::2]:
        axes.annotate(f"r={r['r']}", (r["gmacs"], 100 * r["sta"]), textcoords="offset points", xytext=(4, -12), fontsize=8)
    axes.set_xlabel("GMACs per clip")
    axes.set_ylabel("top-1, %")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", required=True, help="the folder of source videos that the training used")
    parser.add_argument("--model", default="models/camera-watch")
    parser.add_argument("--cache", default="build/camera-watch-cache")
    parser.add_argument("--clips", type=int, default=2004)
    parser.add_argument("--step", type=int, default=2, help="step of r")
    parser.add_argument("--seeds", type=int, default=5, help="repetitions of random dropping")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    result = measure(args)
    with open(os.path.join(args.model, "sta-curve.json"), "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    plot(result, os.path.join(args.model, "sta-curve.png"), f"{os.path.basename(os.path.normpath(args.model))}: {result['clips']} held-out clips")
    print_table(result)


if __name__ == "__main__":
    main()
