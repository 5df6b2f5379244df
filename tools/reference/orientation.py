# SPDX-License-Identifier: MIT
"""Turns video that is to be shown turned. Telephones record sideways and say so in the track header's display matrix.

Decoders disagree about who turns such frames: ffmpeg does unless told not to, OpenCV turns but does not mirror, and
GStreamer hands out a tag. So the tools decode frames as they lie in the file and turn them here. All eight orientations
are handled in this one place.
"""

import struct

import numpy as np

ONE = 1 << 16  # unit of the matrix's numbers, which are 16.16 fixed point
MOST_BOXES = 4096  # on one level; files are untrusted

# Display matrix (a, b, c, d; ISO 14496-12, 8.3.2) -> GStreamer's image-orientation tag.
_NAMES = {(1, 0, 0, 1): "rotate-0", (0, 1, -1, 0): "rotate-90", (-1, 0, 0, -1): "rotate-180", (0, -1, 1, 0): "rotate-270", (-1, 0, 0, 1): "flip-rotate-0",
          (0, 1, 1, 0): "flip-rotate-270", (1, 0, 0, -1): "flip-rotate-180", (0, -1, -1, 0): "flip-rotate-90"}

_TURNS = {"rotate-0": lambda p: p, "rotate-90": lambda p: np.rot90(p, -1), "rotate-180": lambda p: np.rot90(p, 2), "rotate-270": lambda p: np.rot90(p, 1),
          "flip-rotate-0": lambda p: p[:, ::-1], "flip-rotate-90": lambda p: np.rot90(p[:, ::-1], -1), "flip-rotate-180": lambda p: p[::-1],
          "flip-rotate-270": lambda p: np.rot90(p[:, ::-1], 1)}


def _boxes(file, begin, end):
    """(type, begin of content, end) of the boxes of an MP4 between two positions of a file, as far as they are
    sound."""
    for _ in range(MOST_BOXES):
        head = _read(file, begin, end, 8)
        if not head:
            return
        size, kind = struct.unpack(">I4s", head)
        length = 8
        if size == 1:
            large = _read(file, begin + 8, end, 8)
            if not large:
                return
            size, length = struct.unpack(">Q", large)[0], 16
        elif size == 0:
            size = end - begin
        if size < length or begin + size > end:
            return
        yield kind, begin + length, begin + size
        begin += size


def _read(file, begin, end, length):
    """`count` bytes, or none if they reach past the end."""
    if begin + length > end:
        return b""
    file.seek(begin)
    data = file.read(length)
    return data if len(data) == length else b""


def _find(file, begin, end, *path):
    """(begin, end) of the contents of all boxes at a path such as moov, trak, tkhd."""
    for kind, inner, stop in list(_boxes(file, begin, end)):
        if kind == path[0]:
            if len(path) == 1:
                yield inner, stop
            else:
                yield from _find(file, inner, stop, *path[1:])


def orientation_of(path):
    """How the frames of a video file are to be turned, in the words of GStreamer's tag image-orientation: "rotate-0",
    "rotate-90" (clockwise), ..., "flip-rotate-270". "rotate-0" for files that are no MP4 or MOV, and for matrices that
    are none of the eight. Reads headers only."""
    with open(path, "rb") as file:
        for begin, end in _find(file, 0, file.seek(0, 2), b"moov", b"trak"):
            handler = next(_find(file, begin, end, b"mdia", b"hdlr"), None)
            header = next(_find(file, begin, end, b"tkhd"), None)
            if not handler or not header or _read(file, handler[0] + 8, handler[1], 4) != b"vide":
                continue
            version = _read(file, *header, 1)
            data = _read(file, header[0] + (52 if version == b"\1" else 40), header[1], 20)
            if data:
                a, b, _, c, d = struct.unpack(">5i", data)
                return _NAMES.get(tuple(v / ONE for v in (a, b, c, d)), "rotate-0")
            return "rotate-0"
    return "rotate-0"


def upright(pictures, orientation):
    """One picture [h, w, 3] or several [n, h, w, 3], turned; a contiguous array."""
    if orientation == "rotate-0":
        return pictures
    if pictures.ndim == 4:
        return np.ascontiguousarray(np.stack([_TURNS[orientation](p) for p in pictures]))
    return np.ascontiguousarray(_TURNS[orientation](pictures))


def upright_size(width, height, orientation):
    """(width, height) after turning."""
    return (height, width) if orientation.endswith(("-90", "270")) else (width, height)
