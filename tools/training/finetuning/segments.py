# SPDX-License-Identifier: MIT
"""Labelled stretches of video: where they are listed, which ones belong together, and their pictures.

Two pictures of one recording, or of one person, resemble each other more than pictures of two different ones. So a
held-out number means something only if whole groups (recordings, subjects) are held out. That is why every segment
carries its group.
"""

import csv
import dataclasses
import os
import re

import cv2
import numpy as np

from reference.orientation import orientation_of, upright

VIDEO_TYPES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".ts")
MARGIN = 1.15  # pictures are kept this much larger than the model's, so that crops can vary


class ListError(Exception):
    """The clips or their list cannot be used. The text says which one and why."""


@dataclasses.dataclass
class Segment:
    """One labelled stretch, in seconds from the start of its file; end = infinity: to the end of the file."""
    path: str
    label: str
    start: float
    end: float
    group: str


def _group(path, pattern):
    """Recording, or what the first bracket of `pattern` finds in the file's name."""
    name = os.path.basename(path)
    if not pattern:
        return name
    found = re.search(pattern, name)
    if not found:
        raise ListError(f"{name}: --group-pattern {pattern!r} finds nothing in this name")
    return found.group(1) if found.groups() else found.group(0)


def from_folder(folder, pattern=None):
    """One sub-folder of clips per class."""
    found = []
    for label in sorted(os.listdir(folder)):
        inside = os.path.join(folder, label)
        if os.path.isdir(inside):
            for name in sorted(os.listdir(inside)):
                if name.lower().endswith(VIDEO_TYPES):
                    path = os.path.join(inside, name)
                    found.append(Segment(path, label, 0.0, float("inf"), _group(path, pattern)))
    if not found:
        raise ListError(f"{folder}: no sub-folder holds a video ({', '.join(VIDEO_TYPES)}); one sub-folder per class is expected")
    return found


def from_csv(path, videos=None, pattern=None, group_column=None):
    """Rows file,label,start_s,end_s in any order of columns; files are looked for beside the list or in `videos`."""
    folder = videos or os.path.dirname(path) or "."
    found = []
    with open(path, newline="") as file:
        rows = csv.DictReader(file)
        missing = {"file", "label"} - set(rows.fieldnames or [])
        if missing:
            raise ListError(f"{path}: no column {' and no column '.join(sorted(missing))}; needed are file, label, and start_s and end_s where a label "
                            "does not hold for the whole file")
        for number, row in enumerate(rows, 2):
            video = os.path.join(folder, row["file"])
            if not os.path.exists(video):
                raise ListError(f"{path}, line {number}: {video} does not exist")
            try:
                start, end = float(row.get("start_s") or 0), float(row.get("end_s") or "inf")
            except ValueError:
                raise ListError(f"{path}, line {number}: start_s and end_s must be seconds") from None
            if not start < end:
                raise ListError(f"{path}, line {number}: the segment ends at {end} s, before it starts at {start} s")
            if group_column and group_column not in row:
                raise ListError(f"{path}: no column {group_column}")
            found.append(Segment(video, row["label"], start, end, row[group_column] if group_column else _group(video, pattern)))
    if not found:
        raise ListError(f"{path}: no rows")
    return found


class Footage:
    """The pictures of one segment and its surroundings, on a grid of half the model's sample interval."""

    def __init__(self, segment, geometry, interval):
        self.segment, self.frames = segment, geometry.frames
        self.step = interval / 2
        self.span = (geometry.frames - 1) * interval
        side = round(geometry.image * MARGIN)
        capture = cv2.VideoCapture(segment.path)
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # OpenCV would turn the picture, but not mirror it
        if not capture.isOpened():
            raise ListError(f"{segment.path}: cannot be opened as a video")
        orientation = orientation_of(segment.path)
        self.begin = max(0.0, segment.start - 0.4 * self.span)
        stop = segment.end + 0.4 * self.span
        pictures, rate, number, first, last = [], capture.get(cv2.CAP_PROP_FPS) or 25.0, 0, None, 0.0
        while True:
            good, picture = capture.read()
            if not good:
                break
            t = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            t = number / rate if number and t <= 0 else t
            first = t if first is None else first
            t -= first
            number += 1
            picture = upright(picture, orientation)
            if t > stop:
                break
            last = t
            if t + 1 / rate < self.begin:
                continue
            while self.begin + len(pictures) * self.step <= t + 1e-3:  # the picture on screen when the grid point comes
                h, w = picture.shape[:2]
                size = (side, round(h * side / w)) if w < h else (round(w * side / h), side)
                pictures.append(cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB))
        if not pictures:
            raise ListError(f"{segment.path}: no picture between {segment.start} s and {segment.end} s")
        self.pictures = np.stack(pictures)  # [n, h, w, 3]
        self.end = min(segment.end, last)

    def starts(self, hop):
        """Starts of the windows that evaluate this segment, `hop` seconds apart. A segment shorter than a window gets
        the one around it."""
        room = self.end - self.segment.start - self.span
        if room <= 0:
            return [max(0.0, self.segment.start + room / 2)]
        return list(np.arange(self.segment.start, self.end - self.span + 1e-6, hop))

    def window(self, start, crop):
        """Pictures [F, h, w, 3] at start, start + interval, ...; crop(picture stack) cuts them."""
        index = np.round((start - self.begin) / self.step).astype(int) + 2 * np.arange(self.frames)
        return crop(self.pictures[np.clip(index, 0, len(self.pictures) - 1)])
