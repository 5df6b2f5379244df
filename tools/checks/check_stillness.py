#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares `sta run --still-threshold` with the Python model, on clips of which most places stand still.

    tools/checks/check_stillness.py [--sta build/apps/sta] [--model models/motion-watch] [--clips 8]

Prints a line for each clip, drop number and threshold; the tokens have to be the same and the logits within 1e-3.
"""

import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from reference.model_folder import load_folder  # noqa: E402
from reference.safetensors import load_safetensors, save_safetensors  # noqa: E402
from reference.stillness import forward  # noqa: E402


def calm_clip(rng, g):
    """A normalised clip [F, 3, S, S] whose places change now and then, each by its own amount."""
    places, clip = g.image // g.patch, np.empty((g.frames, 3, g.image, g.image), np.float32)
    picture = rng.normal(size=(3, g.image, g.image))
    for f in range(g.frames):
        if f % g.tubelet == 0:
            for y in range(places):
                for x in range(places):
                    if rng.random() < 0.3:
                        part = picture[:, y * g.patch:(y + 1) * g.patch, x * g.patch:(x + 1) * g.patch]
                        part += rng.normal(size=part.shape) * rng.choice([0.02, 0.1, 1.0])
        clip[f] = picture
    return clip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sta", default="build/apps/sta")
    parser.add_argument("--model", default="models/motion-watch")
    parser.add_argument("--clips", type=int, default=8)
    args = parser.parse_args()
    model, rng, bad = load_folder(args.model)[0].eval(), np.random.default_rng(1), 0
    with tempfile.TemporaryDirectory() as work:
        given, told = os.path.join(work, "clip.safetensors"), os.path.join(work, "out.safetensors")
        for i in range(args.clips):
            clip = calm_clip(rng, model.geometry)
            save_safetensors(given, {"clip": np.ascontiguousarray(clip.transpose(1, 0, 2, 3))}, {})
            for r in (0, 6, 18):
                for threshold in (0.05, 0.2):
                    subprocess.run([args.sta, "run", args.model, "--clip", given, "--dump", told, "--drop-number", str(r), "--still-threshold", str(threshold)],
                                   check=True, stdout=subprocess.DEVNULL)
                    engine = load_safetensors(told)
                    logits, tokens, _ = forward(model, torch.from_numpy(clip), threshold, r)
                    seen = engine["input_tokens"].size if "input_tokens" in engine else model.geometry.steps * model.geometry.per_step
                    off = float(np.abs(engine["logits"].reshape(-1) - logits.numpy()).max())
                    good = seen == tokens and off < 1e-3
                    bad += not good
                    print(f"{'ok ' if good else 'BAD'} clip {i} r {r} threshold {threshold}: {seen} tokens, {tokens} in Python; logits differ by {off:.1e}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
