#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the report of `sta eval --probabilities --json REPORT` with the Python model, video by video.

    tools/checks/compare_eval.py REPORT --model models/camera-watch

ffmpeg decodes each video. Python samples it in time, resizes it and classifies it. Exit status 1 if a prediction
differs or a probability differs by more than --tolerance. Works only with drop number 0 and --still-threshold 0, models that want
antialiased resizing, and one window per video.
"""

import argparse
import json
import os
import sys

import torch

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from clips.camera_watch.windows import samples, windows  # noqa: E402
from reference.model_folder import load_folder, normalise  # noqa: E402


@torch.no_grad()
def python_probabilities(model, video):
    """Mean probabilities [classes] over the windows of a video."""
    clips = windows(samples(video), model.geometry.frames // 4)
    if not len(clips):
        raise SystemExit(f"{video}: shorter than a window")
    return model(normalise(clips)).double().softmax(1).mean(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", help="what sta eval --probabilities --json wrote")
    parser.add_argument("--model", default="models/camera-watch", help="model folder")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="largest difference of a probability")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", help="also write Python's probabilities to this JSON file")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model, labels, _ = load_folder(args.model)
    with open(args.report) as file:
        report = json.load(file)
    if report["labels"] != labels:
        raise SystemExit(f"{args.report}: not of the classes of {args.model}")
    same, count, worst, written, right = 0, 0, 0.0, {}, [0, 0]
    for entry in report["per_video"]:
        dense = [r for r in entry.get("results", []) if r["drop_number"] == 0 and r["still_threshold"] == 0]
        if not dense or "probabilities" not in dense[0]:
            raise SystemExit(f"{entry['video']}: no probabilities at drop number 0 and threshold 0 in {args.report}")
        theirs = python_probabilities(model, entry["video"])
        ours = torch.tensor(dense[0]["probabilities"], dtype=torch.float64)
        difference = float((ours - theirs).abs().max())
        count += 1
        same += int(theirs.argmax()) == dense[0]["prediction"]
        right[0] += dense[0]["prediction"] == entry["label"]
        right[1] += int(theirs.argmax()) == entry["label"]
        if difference > worst:
            worst = difference
            print(f"{entry['video']}: off by {difference:.2e}")
        written[entry["video"]] = theirs.tolist()
    print(f"same prediction for {same} of {count} videos, largest difference of a probability {worst:.2e}, "
          f"top-1 {100 * right[0] / max(1, count):.2f} % (sta) and {100 * right[1] / max(1, count):.2f} % (Python)")
    if args.write:
        with open(args.write, "w") as file:
            json.dump(written, file, indent=1)
    sys.exit(0 if count and same == count and worst <= args.tolerance else 1)


if __name__ == "__main__":
    main()
