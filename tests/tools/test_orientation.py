# SPDX-License-Identifier: MIT
"""Tests video that is to be shown turned. The tools read what the file says, and all their readers turn frames the same
way, mirrored ones too."""

import struct

import cv2
import numpy as np
import pytest
from clips.camera_watch.footage import load_video
from reference.orientation import orientation_of, upright, upright_size
from training.finetuning.segments import Footage, Segment

ONE = 1 << 16
# Matrix (a, b, c, d) of the track header, GStreamer's tag, and the result for [[1, 2, 3], [4, 5, 6]]. The same as in
# tests/unit/preprocess_orientation_test.cc.
CASES = [((1, 0, 0, 1), "rotate-0", [[1, 2, 3], [4, 5, 6]]), ((0, 1, -1, 0), "rotate-90", [[4, 1], [5, 2], [6, 3]]),
         ((-1, 0, 0, -1), "rotate-180", [[6, 5, 4], [3, 2, 1]]), ((0, -1, 1, 0), "rotate-270", [[3, 6], [2, 5], [1, 4]]),
         ((-1, 0, 0, 1), "flip-rotate-0", [[3, 2, 1], [6, 5, 4]]), ((1, 0, 0, -1), "flip-rotate-180", [[4, 5, 6], [1, 2, 3]]),
         ((0, 1, 1, 0), "flip-rotate-270", [[1, 4], [2, 5], [3, 6]]), ((0, -1, -1, 0), "flip-rotate-90", [[6, 3], [5, 2], [4, 1]])]


@pytest.mark.parametrize("matrix, tag, want", CASES)
def test_each_of_the_eight_by_hand(matrix, tag, want):
    picture = np.repeat(np.array([[1, 2, 3], [4, 5, 6]], np.uint8)[..., None], 3, 2)
    turned = upright(picture, tag)
    assert turned[..., 0].tolist() == want and turned.flags.c_contiguous
    assert upright(np.stack([picture, picture]), tag)[1, ..., 2].tolist() == want
    assert upright_size(3, 2, tag) == (len(want[0]), len(want))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Ten frames of 64 x 48 with a bright corner at the upper left and a darker one at the upper right."""
    path = str(tmp_path_factory.mktemp("clip") / "clip.mp4")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"mp4v"), 10, (64, 48))
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:16, :16], frame[:16, -16:] = 250, 120
    for _ in range(10):
        writer.write(frame)
    writer.release()
    return path


def patched(clip, folder, matrix):
    with open(clip, "rb") as file:
        data = bytearray(file.read())
    a, b, c, d = (v * ONE for v in matrix)
    struct.pack_into(">9i", data, data.index(b"tkhd") + 44, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path = str(folder / "turned.mp4")
    with open(path, "wb") as file:
        file.write(data)
    return path


@pytest.mark.parametrize("matrix, tag, want", CASES)
def test_every_reader_turns(clip, tmp_path, matrix, tag, want):
    path = patched(clip, tmp_path, matrix)
    assert orientation_of(path) == tag
    plain = load_video(clip, str(tmp_path / "cache")).frames
    turned = load_video(path, str(tmp_path / "cache")).frames
    assert turned.shape[0] == plain.shape[0] == 10 and np.array_equal(turned, upright(np.array(plain), tag))

    class Geometry:
        frames, image = 2, 16
    window = Footage(Segment(path, "x", 0.0, 1.0, "g"), Geometry, 0.1).window(0.0, lambda p: p)
    # The two corners distinguish all eight orientations.
    third = window.shape[1] // 6, window.shape[2] // 6
    corners = np.array([[window[0, y, x].mean() for x in (third[1], -third[1])] for y in (third[0], -third[0])])
    still = upright(np.repeat(np.array([[250, 120], [0, 0]], np.uint8)[..., None], 3, 2), tag)[..., 0].astype(float)
    assert np.abs(corners - still).max() < 25, (corners, still)


def test_other_files_are_upright(tmp_path):
    files = {"a.avi": b"RIFF\0\0\0\0AVI ", "short": b"\0\0", "empty": b"", "cut.mp4": b"\0\0\0\x18ftypisom\0\0\0\0isommp41\0\0\xff\xffmoov",
             "no-header.mp4": movie(b""), "shrunk.mp4": movie(header(0.5, 0, 0, 0.5)), "nearly.mp4": movie(header(-0.9, 0, 0, 1))}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        assert orientation_of(str(tmp_path / name)) == "rotate-0", name


def test_wherever_a_file_is_cut_it_is_read(tmp_path):
    whole = movie(header(0, 1, 1, 0))
    path = tmp_path / "cut.mp4"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert orientation_of(str(path)) in ("rotate-0", "flip-rotate-270")
    path.write_bytes(whole)
    assert orientation_of(str(path)) == "flip-rotate-270"


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def header(a, b, c, d):
    return box(b"tkhd", bytes(40) + struct.pack(">9i", *(int(v * ONE) for v in (a, b, 0, c, d, 0, 0, 0)), 1 << 30) + bytes(8))


def movie(track_header):
    """An MP4 that has only headers, with one video track."""
    handler = bytes(8) + b"vide" + bytes(13)
    return box(b"ftyp", b"isom\0\0\0\0") + box(b"moov", box(b"trak", track_header + box(b"mdia", box(b"hdlr", handler))))
