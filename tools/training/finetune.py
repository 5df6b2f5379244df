#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains a model on your own actions and writes a folder that staaction loads.

    tools/training/finetune.py CLIPS --model models/camera-watch --output my-model

CLIPS: a folder with one sub-folder of videos per class, or a CSV list with the columns file and label. Where a label
does not hold for the whole file, the list also has start_s and end_s. Whole groups are held out for the accuracy
printed at the end. A group is one file, or what --group-pattern finds in its name (a subject, a camera), or the CSV
column that --group-column names. --leave-one-out trains once per group and tests on that group; the folder written is
trained on everything.
"""

import argparse
import json
import os
import sys

import cv2
import numpy as np
import torch

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from training.finetuning.fit import fit, new_model, predict  # noqa: E402
from training.finetuning.segments import Footage, ListError, from_csv, from_folder  # noqa: E402
from reference.model_folder import save_folder  # noqa: E402
from evaluation.scores import confusion, confusion_table, interval95  # noqa: E402
from training.window_training import show  # noqa: E402


def read(args):
    """Footages of all segments, and the labels in order."""
    if os.path.isdir(args.clips):
        segments = from_folder(args.clips, args.group_pattern)
    else:
        segments = from_csv(args.clips, args.videos, args.group_pattern, args.group_column)
    labels = sorted({s.label for s in segments}) if not args.classes else args.classes.split(",")
    unknown = set(labels) - {s.label for s in segments}
    if unknown:
        raise ListError(f"--classes: no clip is labelled {', '.join(sorted(unknown))}")
    segments = [s for s in segments if s.label in labels]
    if len(labels) < 2:
        raise ListError(f"{args.clips}: {len(labels)} class; at least two are needed")
    model, interval = new_model(args.model, labels, args.seed)
    footages = []
    for i, s in enumerate(segments):
        footages.append(Footage(s, model.geometry, interval))
        show(f"reading {i + 1}/{len(segments)}")
    return footages, labels, interval


def held_out_groups(footages, args):
    """Lists of groups to hold out, one list per training."""
    groups = sorted({f.segment.group for f in footages})
    if len(groups) < 2:
        raise ListError("all clips belong to one group: nothing could be held out; see --group-pattern")
    if args.leave_one_out:
        return [[g] for g in groups]
    order = np.random.default_rng(args.seed).permutation(len(groups))
    return [[groups[i] for i in order[:max(1, round(args.held_out * len(groups)))]]]


def print_results(rows, labels):
    truth, guess = [r[0] for r in rows], [r[1] for r in rows]
    table = confusion(truth, guess, len(labels))
    right, count = int(np.trace(table)), int(table.sum())
    low, high = interval95(right, count)
    print(f"held-out: {right} of {count} segments right, {100 * right / count:.1f} % (95 % interval {100 * low:.0f} to {100 * high:.0f})")
    print(confusion_table(labels, table))
    for group in sorted({g for _, _, g in rows}):
        mine = [t == p for t, p, g in rows if g == group]
        print(f"  {group}: {sum(mine)} of {len(mine)}")
    return {"segments": count, "right": right, "accuracy": right / count, "low": low, "high": high, "labels": labels, "confusion": table.tolist()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", help="folder with a sub-folder per class, or a CSV list")
    parser.add_argument("--videos", help="where the files of a CSV list are (default: beside it)")
    parser.add_argument("--model", default="models/camera-watch", help="model folder to start from, VideoMAE layout of Hugging Face")
    parser.add_argument("--output", help="model folder to write")
    parser.add_argument("--classes", help="only these labels, separated by commas")
    parser.add_argument("--group-pattern", help="regular expression: what it finds in a file's name is its group")
    parser.add_argument("--group-column", help="CSV column that names the group")
    parser.add_argument("--leave-one-out", action="store_true", help="hold out each group in turn")
    parser.add_argument("--held-out", type=float, default=0.25, help="share of the groups held out without --leave-one-out")
    parser.add_argument("--steps", type=int, default=300, help="batches per training")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate of the classifier")
    parser.add_argument("--body-rate", type=float, default=0.3, help="learning rate of the rest, relative to that")
    parser.add_argument("--no-mirror", action="store_true", help="left and right mean different things here")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    try:
        footages, labels, interval = read(args)
        rows = []
        splits = held_out_groups(footages, args)
        for n, held in enumerate(splits):
            seen = [f for f in footages if f.segment.group not in held]
            unseen = [f for f in footages if f.segment.group in held]
            model = fit(args.model, seen, labels, args, lambda text, n=n: show(f"training {n + 1}/{len(splits)}: {text}"))
            rows += predict(model, unseen, labels, hop=4 * interval)
        show("")
        result = print_results(rows, labels)
        if args.output:
            final = fit(args.model, footages, labels, args, lambda text: show(f"final training: {text}"))
            show("")
            save_folder(args.output, final, labels, f"{round(interval * 30000)}/30000")
            with open(os.path.join(args.output, "finetune.json"), "w") as file:
                json.dump({"held_out": result, "model": os.path.basename(os.path.normpath(args.model)), "steps": args.steps, "seed": args.seed}, file, indent=1)
                file.write("\n")
            print(f"wrote {args.output}, trained on all {len(footages)} segments")
    except (ListError, OSError) as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
