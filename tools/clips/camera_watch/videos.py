# SPDX-License-Identifier: MIT
"""Writes clips as video files that every decoder gives back pixel by pixel: FFV1 in RGB, one folder per class."""

import os
import subprocess

from . import CLASSES, INTERVAL


def write_video(path, pictures):
    """pictures [n, h, w, 3] uint8 RGB, INTERVAL seconds apart, as a Matroska file."""
    n, h, w, _ = pictures.shape
    encode = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{w}x{h}", "-r", f"{round(1 / INTERVAL)}", "-i", "-",
              "-frames:v", str(n), "-c:v", "ffv1", "-pix_fmt", "bgr0", "-bitexact", path]
    subprocess.run(encode, input=pictures.tobytes(), check=True)


def export(maker, count, folder, raw, progress=None):
    """`count` clips of maker, the classes in turn, as folder/CLASS/NUMBER.mkv. raw: 192 x 192 pixels, not shrunk to the
    model's size."""
    for i in range(count):
        name = CLASSES[i % len(CLASSES)]
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        write_video(os.path.join(folder, name, f"{i:05d}.mkv"), maker.make(i, label=i % len(CLASSES), raw=raw)[0])
        if progress:
            progress(i + 1, count)
