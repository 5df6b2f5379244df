# SPDX-License-Identifier: MIT
"""Source material. Every video is decoded once into a memory-mapped array of small frames; photographs likewise."""

import dataclasses
import glob
import hashlib
import json
import os

import cv2
import numpy as np

from . import held_out
from .rooms import procedural_room
from .scenery import procedural_scene
from reference.orientation import orientation_of, upright

VIDEO_SIDE = 240  # short side of cached video frames
STILL_SIDE = 480  # short side of cached photographs
VIDEO_TYPES = (".mp4", ".mkv", ".avi", ".mov", ".webm")
IMAGE_TYPES = (".jpg", ".jpeg", ".png", ".webp")


@dataclasses.dataclass
class Source:
    """Frames [n, h, w, 3] uint8 RGB and their times in seconds; a photograph has one frame."""
    name: str
    frames: np.ndarray
    times: np.ndarray

    def at(self, t):
        """Index of the frame shown at time t; footage that is too short plays to and fro."""
        end = self.times[-1]
        if end <= 0:
            return 0
        t = t % (2 * end)
        t = t if t <= end else 2 * end - t
        return int(np.searchsorted(self.times, t, side="right") - 1)


def list_files(folder, types):
    found = [f for f in glob.glob(os.path.join(folder, "**", "*"), recursive=True) if f.lower().endswith(types)]
    return sorted(found, key=lambda f: os.path.relpath(f, folder))


def _shrink(image, side):
    h, w = image.shape[:2]
    if min(h, w) <= side:
        return image
    size = (side, round(h * side / w)) if w < h else (round(w * side / h), side)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _decode(path):
    """All frames of a video, shrunk, RGB, with times from the container."""
    capture, orientation = cv2.VideoCapture(path), orientation_of(path)
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # OpenCV would turn the picture, but not mirror it
    frames, times = [], []
    while True:
        good, picture = capture.read()
        if not good:
            break
        frames.append(upright(cv2.cvtColor(_shrink(picture, VIDEO_SIDE), cv2.COLOR_BGR2RGB), orientation))
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0)
    if not frames:
        raise SystemExit(f"{path}: no frame could be decoded")
    times = np.array(times) - times[0]
    if np.any(np.diff(times) <= 0):
        times = np.arange(len(frames)) / (capture.get(cv2.CAP_PROP_FPS) or 25.0)
    return np.stack(frames), times


def load_video(path, cache):
    """The video's frames as a memory map, decoded on the first call."""
    stamp = os.stat(path)
    key = hashlib.sha1(f"{os.path.basename(path)} {stamp.st_size} {VIDEO_SIDE} {orientation_of(path)}".encode()).hexdigest()[:16]
    base = os.path.join(cache, key)
    if not os.path.exists(base + ".json"):
        os.makedirs(cache, exist_ok=True)
        frames, times = _decode(path)
        np.save(base + ".npy", frames)
        with open(base + ".json", "w") as file:
            json.dump({"name": os.path.basename(path), "times": times.tolist()}, file)
    with open(base + ".json") as file:
        times = np.array(json.load(file)["times"])
    return Source(os.path.basename(path), np.load(base + ".npy", mmap_mode="r"), times)


def load_videos(folder, cache, which):
    """Source videos below a folder; which = "train" or "held-out"."""
    paths = [p for p in list_files(folder, VIDEO_TYPES) if held_out(p) == (which == "held-out")]
    return [load_video(p, cache) for p in paths]


def load_stills(folder):
    """Photographs below a folder at two sizes, so that views of many widths stay sharp."""
    stills = []
    for path in list_files(folder, IMAGE_TYPES) if folder else []:
        image = cv2.imread(path, cv2.IMREAD_COLOR)
        if image is None:
            continue
        image = cv2.cvtColor(_shrink(image, STILL_SIDE), cv2.COLOR_BGR2RGB)
        for side in (STILL_SIDE, VIDEO_SIDE):
            stills.append(Source(os.path.basename(path), _shrink(image, side)[None], np.zeros(1)))
    return stills


def make_scenes(count, seed):
    """Generated pictures: shapes, textures and lines. Unlike photographs they need no licence."""
    return [Source(f"scene-{i}", procedural_scene(np.random.default_rng([seed, 7001, i]))[None], np.zeros(1))
            for i in range(count)]


def make_rooms(count, seed, cache):
    """Generated rooms, kept in the cache folder."""
    path = os.path.join(cache, f"rooms-{seed}-{count}.npy")
    if not os.path.exists(path):
        os.makedirs(cache, exist_ok=True)
        np.save(path, np.stack([procedural_room(np.random.default_rng([seed, 7005, i])) for i in range(count)]))
    rooms = np.load(path, mmap_mode="r")
    return [Source(f"room-{i}", rooms[i:i + 1], np.zeros(1)) for i in range(count)]
