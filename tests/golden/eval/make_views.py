#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes views.json: which frames the published evaluations take, worked out in NumPy from their formulas, for tests/unit/eval_views_test.cc.

    tests/golden/eval/make_views.py > tests/golden/eval/views.json

The formulas, as the code of STA and VideoMAE (kinetics.py and ssv2.py, mode "test") and of Video Swin (mmaction's SampleFrames in test mode) has them.
"""

import json

import numpy as np

LENGTHS = (1, 2, 5, 15, 16, 17, 31, 37, 61, 62, 63, 64, 65, 79, 80, 126, 150, 249, 250, 251, 298, 299, 300, 301, 997)


def dense_videomae(total, frames, stride, clips):
    every = list(range(0, total, stride))
    every += [every[-1]] * max(0, frames - len(every))
    step = max(1.0 * (len(every) - frames) / (clips - 1), 0)
    return [every[int(chunk * step):int(chunk * step) + frames] for chunk in range(clips)]


def uniform_videomae(total, frames, clips):
    tick = total / float(frames)
    index = np.sort(np.array([int(tick / 2.0 + tick * x) for x in range(frames)] + [int(tick * x) for x in range(frames)]))
    return [index[chunk::2].tolist() for chunk in range(clips)]


def dense_mmaction(total, frames, stride, clips):
    span = frames * stride
    average = (total - span + 1) / float(clips)
    starts = np.zeros(clips, int)
    if total > span - 1:
        starts = (np.arange(clips) * average + average / 2.0).astype(int)
    return np.mod(starts[:, None] + np.arange(frames)[None] * stride, total).tolist()


def uniform_mmaction(total, frames):
    size = float(total - 1) / frames
    return [[(int(np.round(size * i)) + int(np.round(size * (i + 1)))) // 2 for i in range(frames)]]


def main():
    cases = []
    for total in LENGTHS:
        for frames, stride, clips in ((16, 4, 5), (16, 4, 10), (8, 3, 2)):
            cases.append(("dense", "videomae", total, frames, stride, clips, dense_videomae(total, frames, stride, clips)))
        for frames, clips in ((16, 2), (16, 1), (8, 2)):
            cases.append(("uniform", "videomae", total, frames, 1, clips, uniform_videomae(total, frames, clips)))
        for frames, stride, clips in ((32, 2, 4), (32, 2, 1), (8, 8, 10)):
            cases.append(("dense", "mmaction", total, frames, stride, clips, dense_mmaction(total, frames, stride, clips)))
        for frames in (32, 16):
            cases.append(("uniform", "mmaction", total, frames, 1, 1, uniform_mmaction(total, frames)))
    keys = ("sampling", "rules", "total", "frames", "stride", "clips", "views")
    print("[" + ",\n".join(json.dumps(dict(zip(keys, case)), separators=(",", ":")) for case in cases) + "]")


if __name__ == "__main__":
    main()
