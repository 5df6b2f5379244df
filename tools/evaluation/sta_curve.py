#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures accuracy against compute of a bundled model, pruned by STA and by chance, on clips of held-out source
videos.

    tools/evaluation/sta_curve.py --videos FOLDER [--model models/camera-watch]
    tools/evaluation/sta_curve.py --plot docs/sta-curve.png models/camera-watch models/motion-watch

The first form writes sta-curve.json into the model folder and prints its tables. The second form draws these results.
"""

import argparse
import json
import os
import sys

import torch

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from reference.model_folder import load_folder  # noqa: E402
from evaluation.pruning_curve.clips import held_out_clips  # noqa: E402
from evaluation.pruning_curve.measure import measure  # noqa: E402
from evaluation.pruning_curve.report import plot, tables  # noqa: E402
from evaluation.scores import confusion_table  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", help="the folder of source videos that the training used")
    parser.add_argument("--model", default="models/camera-watch")
    parser.add_argument("--cache", default="build/camera-watch-cache")
    parser.add_argument("--clips", type=int, default=2016)
    parser.add_argument("--step", type=int, default=3, help="step of r")
    parser.add_argument("--seeds", type=int, default=5, help="repetitions of random dropping")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--plot", nargs="+", metavar=("PNG", "MODEL"), help="only draw the curves of these model folders")
    args = parser.parse_args()
    if args.plot:
        results = []
        for folder in args.plot[1:]:
            with open(os.path.join(folder, "sta-curve.json")) as file:
                results.append((os.path.basename(os.path.normpath(folder)), json.load(file)))
        plot(results, args.plot[0])
        return
    if not args.videos:
        parser.error("--videos is needed")
    torch.set_num_threads(args.threads)
    model, labels, _ = load_folder(args.model)
    result = measure(model, held_out_clips(labels, args), args)
    with open(os.path.join(args.model, "sta-curve.json"), "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    print(tables(result) + "\n\n" + confusion_table(labels, result["confusion"]))


if __name__ == "__main__":
    main()
