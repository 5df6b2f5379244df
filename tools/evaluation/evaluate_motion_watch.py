#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks a motion-watch folder on real people. Their directions were labelled by hand (real_people.csv, beside this
file).

    tools/evaluation/evaluate_motion_watch.py --videos FOLDER [--model models/motion-watch] [--still-threshold 0.1]

Windows start one sample apart. Each window is judged if at least --inside of it lies in a labelled interval. Some
directions can be seen two ways (up in the picture, away from the camera). Then the file names both, and either counts.
Prints a line for each interval and the share of right windows for each label: separately for the videos that no
training clip came from and for the others.
"""

import argparse
import csv
import glob
import json
import os
import sys

import torch

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from evaluation.camera_watch import probabilities  # noqa: E402
from clips.camera_watch.windows import samples, windows  # noqa: E402
from reference.model_folder import load_folder, normalise  # noqa: E402
from reference.stillness import forward  # noqa: E402
from clips.motion_watch import CLASSES, FRAMES, INTERVAL, held_out  # noqa: E402
from evaluation.scores import interval95  # noqa: E402

LABELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "real_people.csv")


def inside(start, begin, end):
    """Share of the window starting at `start` that lies between begin and end, seconds."""
    span = (FRAMES - 1) * INTERVAL
    return max(0.0, min(end, start + span) - max(begin, start)) / span


def judge(chances, row, share):
    """(right, judged, label said most often) of the windows of one interval; chances [n, classes]."""
    wanted = {CLASSES.index(name) for name in row["labels"].split("|")}
    begin, end = float(row["start"]), float(row["end"])
    said = [int(c.argmax()) for i, c in enumerate(chances) if inside(i * INTERVAL, begin, end) >= share]
    most = CLASSES[max(set(said), key=said.count)] if said else "-"
    return sum(k in wanted for k in said), len(said), most


def chances_of(model, clips, threshold):
    """[n, classes] of clips uint8 [n, F, S, S, 3]. threshold: of still tokens, which are left out; 0: none is still."""
    if threshold == 0 or not len(clips):
        return probabilities(model, clips)
    return torch.stack([forward(model, normalise(clip[None])[0], threshold)[0].softmax(0) for clip in clips])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", required=True, help="folder of the source videos")
    parser.add_argument("--model", default="models/motion-watch")
    parser.add_argument("--inside", type=float, default=0.9, help="share of a window that has to lie in the interval")
    parser.add_argument("--still-threshold", type=float, default=0, help="as of staaction; 0: every token is seen")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", help="also write the numbers here")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model, labels, _ = load_folder(args.model)
    if labels != CLASSES:
        sys.exit(f"{args.model}: not a motion-watch folder")
    with open(LABELS, newline="") as file:
        rows = list(csv.DictReader(file))
    totals, results = {}, []
    for name in dict.fromkeys(r["file"] for r in rows):
        found = glob.glob(os.path.join(args.videos, "**", name), recursive=True)
        if not found:
            sys.exit(f"{name}: not found below {args.videos}")
        chances = chances_of(model, windows(samples(found[0]), 1), args.still_threshold)
        for row in (r for r in rows if r["file"] == name):
            right, judged, most = judge(chances, row, args.inside)
            print(f"{name} {row['start']:>6} to {row['end']:>6} s  {row['labels']:18} {right:4} of {judged:4} windows, most often {most:12} {row['seen']}")
            results.append({**row, "right": right, "windows": judged, "most": most, "held_out": held_out(name)})
            key = (held_out(name), row["labels"])
            before = totals.get(key, (0, 0))
            totals[key] = before[0] + right, before[1] + judged
    for (unseen, label), (right, judged) in sorted(totals.items(), reverse=True):
        low, high = interval95(right, judged)
        kind = "held-out videos" if unseen else "videos that training clips came from"
        print(f"{kind}: {label}: {right} of {judged} windows, {100 * right / max(judged, 1):.1f} % ({100 * low:.1f} to {100 * high:.1f})")
    right, judged = (sum(counts[k] for (unseen, _), counts in totals.items() if unseen) for k in (0, 1))
    print(f"held-out videos: {right} of {judged} windows, {100 * right / max(judged, 1):.1f} %")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(results, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
