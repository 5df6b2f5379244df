# SPDX-License-Identifier: MIT
"""Video that is to be shown turned: telephones record sideways and say so in the track header's display matrix.

Decoders disagree about who turns such frames: ffmpeg does unless told not to, OpenCV turns but does not mirror, GStreamer hands out a tag. So the tools
decode frames as they lie in the file and turn them here, once and the same for all eight orientations.
"""

import struct

import numpy as np

# Display matrix (a, b, c, d; ISO 14496-12, 8.3.2) -> GStreamer's image-orientation tag.
_NAMES = {(1, 0, 0, 1): "rotate-0", (0, 1, -1, 0): "rotate-90", (-1, 0, 0, -1): "rotate-180", (0, -1, 1, 0): "rotate-270", (-1, 0, 0, 1): "flip-rotate-0",
          (0, 1, 1, 0): "flip-rotate-270", (1, 0, 0, -1): "flip-rotate-180", (0, -1, -1, 0): "flip-rotate-90"}

_TURNS = {"rotate-0": lambda p: p, "rotate-90": lambda p: np.rot90(p, -1), "rotate-180": lambda p: np.rot90(p, 2), "rotate-270": lambda p: np.rot90(p, 1),
          "flip-rotate-0": lambda p: p[:, ::-1], "flip-rotate-90": lambda p: np.rot90(p[:, ::-1], -1), "flip-rotate-180": lambda p: p[::-1],
          "flip-rotate-270": lambda p: np.rot90(p[:, ::-1], 1)}


def _boxes(data, begin, end):
    """(type, begin of content, end) of the boxes of an MP4 in data[begin:end]."""
    while begin + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, begin)
        head = 8
        if size == 1 and begin + 16 <= end:
            size, head = struct.unpack_from(">Q", data, begin + 8)[0], 16
        elif size == 0:
            size = end - begin
        if size < head or begin + size > end:
            return
        yield kind, begin + head, begin + size
        begin += size


def _find(data, begin, end, *path):
    """Contents of all boxes at a path such as moov, trak, tkhd."""
    for kind, inner, stop in _boxes(data, begin, end):
        if kind == path[0]:
            if len(path) == 1:
                yield inner, stop
            else:
                yield from _find(data, inner, stop, *path[1:])


def orientation_of(path):
    """How the frames of a video file are to be turned, as GStreamer's tag image-orientation says it: "rotate-0", "rotate-90" (clockwise), ...,
    "flip-rotate-270". "rotate-0" for files that are no MP4 or MOV, and for matrices that are none of the eight."""
    with open(path, "rb") as file:
        data = file.read()
    if data[4:8] not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "rotate-0"
    for begin, end in _find(data, 0, len(data), b"moov", b"trak"):
        handler = next(_find(data, begin, end, b"mdia", b"hdlr"), None)
        header = next(_find(data, begin, end, b"tkhd"), None)
        if not handler or not header or data[handler[0] + 8:handler[0] + 12] != b"vide":
            continue
        matrix = header[0] + (52 if data[header[0]] == 1 else 40)
        a, b, _, c, d = struct.unpack_from(">5i", data, matrix)
        return _NAMES.get(tuple(round(v / 65536) for v in (a, b, c, d)), "rotate-0")
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
