#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures what stillness saves and costs: accuracy of a bundled model by still-threshold and drop number, pruned by
STA and by chance, on clips of held-out source videos.

    tools/evaluation/still_curve.py --videos FOLDER [--model models/camera-watch]

Prints a line for each threshold and drop number as it is done: top-1, agreement with the same drop number at threshold
0, and the mean tokens and GMACs of a clip.
"""

import argparse
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from evaluation.pruning_curve.clips import held_out_clips  # noqa: E402
from reference.model_folder import load_folder, normalise  # noqa: E402
from reference.stillness import forward  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", required=True, help="the folder of source videos that the training used")
    parser.add_argument("--model", default="models/camera-watch")
    parser.add_argument("--cache", default="build/camera-watch-cache", help="folder for decoded frames")
    parser.add_argument("--clips", type=int, default=2016)
    parser.add_argument("--thresholds", default="0,0.03,0.05,0.1,0.2")
    parser.add_argument("--drop-numbers", default="0,6,12")
    parser.add_argument("--rules", default="sta,random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model, labels, _ = load_folder(args.model)
    model.eval()
    held_out = held_out_clips(labels, args)
    clips, true = held_out.clips, held_out.labels.numpy()
    print(f"{args.model}: {len(clips)} held-out clips")
    print("rule    r  threshold  top-1 %  agrees %  tokens  GMACs")
    for rule in args.rules.split(","):
        for r in (int(n) for n in args.drop_numbers.split(",")):
            if rule == "random" and r == 0:
                continue
            dense = None
            for threshold in (float(t) for t in args.thresholds.split(",")):
                rng = np.random.default_rng(args.seed)
                told = [forward(model, normalise(clip[None])[0], threshold, r, None, rule, rng) for clip in clips]
                guesses = np.array([int(logits.argmax()) for logits, _, _ in told])
                dense = guesses if dense is None else dense
                print(f"{rule:6} {r:2} {threshold:9g} {100 * (guesses == true).mean():9.2f} {100 * (guesses == dense).mean():9.2f} "
                      f"{np.mean([t for _, t, _ in told]):8.0f} {np.mean([m for _, _, m in told]):6.3f}", flush=True)


if __name__ == "__main__":
    main()
