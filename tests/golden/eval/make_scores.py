#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes scores.json: what the published protocols give for the videos of tests/cli/eval_clips.py and the fixture model micro_hf, worked out in Python
with OpenCV's resizing, for tests/cli/test_eval.py. Needs PyTorch, NumPy and OpenCV, which the tests do not.

    tests/golden/eval/make_scores.py build/tests/golden/checkpoints/micro_hf > tests/golden/eval/scores.json
"""

import json
import os
import sys

import cv2
import numpy as np
import torch

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path[:0] = [os.path.join(TREE, folder) for folder in ("tools", "tests/cli", "tests/golden/eval")]

import eval_clips  # noqa: E402
import make_views  # noqa: E402
from model_folder import load_folder, normalise  # noqa: E402
from sta_prune import pruner  # noqa: E402

SIDE = 64  # of micro_hf


def crops(picture, rules):
    """picture [h, w, 3] -> its three crops [3, SIDE, SIDE, 3], by VideoMAE's rounding or mmaction's. Wider than high."""
    h, w = picture.shape[:2]
    wide = int(w * (SIDE / h) + 0.5) if rules == "mmaction" else int(SIDE * w / h)
    small = cv2.resize(picture, (wide, SIDE), interpolation=cv2.INTER_LINEAR)
    if rules == "mmaction":
        step = (wide - SIDE) // 2
        starts = [0, step, 2 * step]
    else:
        step = 1.0 * (wide - SIDE) / 2
        starts = [int(i * step) for i in range(3)]
    return np.stack([small[:, s:s + SIDE] for s in starts])


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    model, _, _ = load_folder(sys.argv[1])
    results = []
    for video, length in eval_clips.VIDEOS:
        pictures = [np.frombuffer(eval_clips.frame(video, t), np.uint8).reshape(eval_clips.HEIGHT, eval_clips.WIDTH, 3) for t in range(length)]
        for name, rules, views in (("k400", "videomae", make_views.dense_videomae(length, 16, 4, 5)),
                                   ("ssv2", "videomae", make_views.uniform_videomae(length, 16, 2)),
                                   ("k400", "mmaction", make_views.dense_mmaction(length, 16, 4, 5)),
                                   ("ssv2", "mmaction", make_views.uniform_mmaction(length, 16))):
            cut = {t: crops(pictures[t], rules) for view in views for t in view}
            clips = np.stack([np.stack([cut[t][crop] for t in view]) for view in views for crop in range(3)])
            for r in (0, 5):
                logits = model(normalise(torch.from_numpy(clips)), prune=pruner(model.geometry, r) if r else None)
                mean = logits.double().softmax(1).mean(0)
                results.append({"video": video, "protocol": name, "rules": rules, "drop_number": r, "views": len(clips),
                                "probabilities": [round(p, 7) for p in mean.tolist()]})
    print("[" + ",\n".join(json.dumps(r) for r in results) + "]")


if __name__ == "__main__":
    main()
