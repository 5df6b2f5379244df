#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the mean of two model folders of the same shape, weight by weight: of a model and its further-trained
successor.

    tools/training/average_models.py FIRST SECOND OUTPUT [--share 0.5]

A further training that teaches one thing costs a little of the others. The mean of both keeps most of what each is good
at (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022). It only makes sense if SECOND was trained from
FIRST.
"""

import argparse
import os
import shutil
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from reference.safetensors import load_safetensors, save_safetensors  # noqa: E402

WEIGHTS = "model.safetensors"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", help="model folder")
    parser.add_argument("second", help="model folder that was trained from the first")
    parser.add_argument("output", help="model folder to write; its JSON files are the second's")
    parser.add_argument("--share", type=float, default=0.5, help="share of the second, 0 to 1")
    args = parser.parse_args()
    first, second = (load_safetensors(os.path.join(folder, WEIGHTS)) for folder in (args.first, args.second))
    if {n: t.shape for n, t in first.items()} != {n: t.shape for n, t in second.items()}:
        sys.exit(f"{args.first} and {args.second} are not of the same shape")
    os.makedirs(args.output, exist_ok=True)
    for name in ("config.json", "preprocessor_config.json"):
        target = os.path.join(args.output, name)
        if not os.path.exists(target) or not os.path.samefile(target, os.path.join(args.second, name)):
            shutil.copy(os.path.join(args.second, name), target)
    mean = {n: ((1 - args.share) * first[n] + args.share * second[n]).astype(np.float32) for n in first}
    save_safetensors(os.path.join(args.output, WEIGHTS), mean, {"format": "pt"})


if __name__ == "__main__":
    main()
