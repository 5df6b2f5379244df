# SPDX-License-Identifier: MIT
"""Makes small videos whose every pixel is known: drawn by integer arithmetic, stored without loss (FFV1, RGB)."""

import os
import subprocess
import tempfile

WIDTH, HEIGHT, FPS = 96, 72, 25
# (number of the pattern, frames): the first video is shorter than one dense clip of 16 frames four apart.
VIDEOS = ((0, 40), (1, 81), (2, 64), (3, 70))


def frame(video, t):
    """Frame t of a video, WIDTH x HEIGHT RGB: a slanting wave that drifts, and a square that moves over it."""
    a, b, c = 3 + 2 * video, 5 - 3 * video, 7 + 4 * video
    left, top = (5 * t + 20 * video) % (WIDTH - 20), (3 * t + 11 * video) % (HEIGHT - 20)
    out = bytearray()
    for y in range(HEIGHT):
        for x in range(WIDTH):
            wave = a * x + b * y + c * t + ((x * (y + 2 * video)) >> 4)
            inside = left <= x < left + 20 and top <= y < top + 20
            for shift in (0, 85, 170):
                v = (wave + shift * (1 + video)) & 511
                v = v if v < 256 else 511 - v
                out.append((v ^ 0xC0) if inside else v)
    return bytes(out)


def write(path, video, frames):
    """The first `frames` frames as a Matroska file, by GStreamer."""
    with tempfile.NamedTemporaryFile(suffix=".rgb") as raw:
        for t in range(frames):
            raw.write(frame(video, t))
        raw.flush()
        subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={raw.name}", "!", "rawvideoparse", "format=rgb", f"width={WIDTH}",
                        f"height={HEIGHT}", f"framerate={FPS}/1", "!", "videoconvert", "!", "video/x-raw,format=BGRx", "!", "avenc_ffv1", "!",
                        "matroskamux", "!", "filesink", f"location={path}"], check=True, timeout=120)
    assert os.path.getsize(path) > 1000, path
