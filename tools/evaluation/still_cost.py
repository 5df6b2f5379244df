#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts what a ViT of the paper's size would cost on a video if still tokens are left out: tokens and GMACs of each
window, without running the network.

    tools/evaluation/still_cost.py VIDEO... [--still-threshold 0.1] [--drop-number 64] [--channels 768]

Windows are those of VideoMAE: 16 frames of 224x224, one every 2/15 s, a window every --hop samples.
"""

import argparse
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from clips.camera_watch.windows import samples, windows  # noqa: E402
from reference.model_folder import normalise  # noqa: E402
from reference.sta_model import Geometry  # noqa: E402
from reference.stillness import choose_tokens, find_still, gmacs, plan  # noqa: E402


def tubelets(clip, g):
    """clip [F, 3, S, S] -> [steps, places, P]"""
    n = g.image // g.patch
    cut = clip.reshape(g.steps, g.tubelet, 3, n, g.patch, n, g.patch)
    return cut.transpose(0, 3, 5, 2, 1, 4, 6).reshape(g.steps, n * n, -1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", metavar="VIDEO")
    parser.add_argument("--still-threshold", type=float, default=0.1)
    parser.add_argument("--drop-number", type=int, default=64)
    parser.add_argument("--channels", type=int, default=768, help="width of the network: 384 ViT-S, 768 ViT-B")
    parser.add_argument("--hop", type=int, default=3, help="samples from window to window")
    args = parser.parse_args()
    g = Geometry(args.channels, 12, args.channels // 64, 4 * args.channels, 224, classes=400)
    r = args.drop_number
    steps = [g.per_step] * g.steps
    whole = gmacs(g, sum(steps), plan(steps, g.per_step, r) if r else None)
    for path in args.videos:
        tokens, cost = [], []
        for clip in windows(samples(path, g.image, 2 / 15), args.hop):
            chosen, _ = choose_tokens(find_still(tubelets(normalise(clip[None])[0].numpy(), g), args.still_threshold))
            counts = np.bincount(chosen // g.per_step, minlength=g.steps)
            tokens.append(len(chosen))
            cost.append(gmacs(g, len(chosen), plan(counts, g.per_step, r) if r else None))
        print(f"{os.path.basename(path)}: {len(tokens)} windows, {100 * np.mean(tokens) / sum(steps):.0f} % of the tokens, "
              f"{np.mean(cost):.1f} GMACs a window instead of {whole:.1f}")


if __name__ == "__main__":
    main()
