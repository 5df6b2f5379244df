# SPDX-License-Identifier: MIT
"""Windows of a video file, made the same way as in the streaming element: sampled by time, resized with antialiasing,
cropped in the middle."""

import json
import subprocess

import numpy as np
import torch
import torch.nn.functional as functional

from . import FRAMES, INTERVAL, SIDE
from reference.orientation import orientation_of, upright


def probe(path):
    """(width, height, frame times [n] in seconds from the first frame) of a video's first picture stream."""
    show = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height:frame=best_effort_timestamp_time",
            "-of", "json", path]
    answer = json.loads(subprocess.run(show, stdout=subprocess.PIPE, check=True).stdout)
    times = np.array([float(f["best_effort_timestamp_time"]) for f in answer["frames"]])
    return answer["streams"][0]["width"], answer["streams"][0]["height"], times - times[0]


def prepare(pictures, side=SIDE):
    """pictures [n, h, w, 3] uint8 RGB -> [n, side, side, 3]: short side to `side` by an antialiased triangle filter, centre crop."""
    h, w = pictures.shape[1:3]
    size = (int(side * h / w), side) if w < h else (side, int(side * w / h))
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
    x = functional.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)
    top, left = round((size[0] - side) / 2), round((size[1] - side) / 2)
    return x[:, :, top:top + side, left:left + side].round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def samples(path, side=SIDE, interval=INTERVAL):
    """Pictures [n, side, side, 3] uint8 at 0, interval, 2 interval, ...: each is the last frame that is due by then."""
    w, h, times = probe(path)
    orientation = orientation_of(path)
    decode = ["ffmpeg", "-v", "fatal", "-threads", "1", "-noautorotate", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    with subprocess.Popen(decode, stdout=subprocess.PIPE) as process:
        wanted = np.searchsorted(times, np.arange(0, times[-1] + 1e-3, interval) + 1e-3, side="right") - 1
        kept, number = {}, 0
        needed = set(wanted.tolist())
        while True:
            data = process.stdout.read(w * h * 3)
            if len(data) < w * h * 3:
                break
            if number in needed:
                kept[number] = prepare(upright(np.frombuffer(data, np.uint8).reshape(1, h, w, 3).copy(), orientation), side)[0]
            number += 1
    last = max(kept)
    return torch.stack([kept[min(int(i), last)] for i in wanted])


def windows(pictures, hop):
    """Overlapping windows [n, FRAMES, SIDE, SIDE, 3] of samples, `hop` samples apart."""
    starts = range(0, len(pictures) - FRAMES + 1, hop)
    if not len(starts):
        return pictures.new_zeros((0, FRAMES) + pictures.shape[1:])
    return torch.stack([pictures[i:i + FRAMES] for i in starts])
