# SPDX-License-Identifier: MIT
"""Tests lists of labelled segments for finetuning: what is read, and which sentence refuses what."""

import cv2
import numpy as np
import pytest
from training.finetuning.segments import Footage, ListError, from_csv, from_folder


def write_list(tmp_path, text, *videos):
    for name in videos:
        (tmp_path / name).write_bytes(b"")
    path = tmp_path / "list.csv"
    path.write_text(text)
    return str(path)


def test_csv_in_any_order_of_columns(tmp_path):
    path = write_list(tmp_path, "label,subject,end_s,file,start_s\nfall,s1,4.5,a.mp4,1\nwalk,s2,,b.mp4,\n", "a.mp4", "b.mp4")
    first, second = from_csv(path, group_column="subject")
    assert (first.label, first.start, first.end, first.group) == ("fall", 1.0, 4.5, "s1") and first.path == str(tmp_path / "a.mp4")
    assert (second.label, second.start, second.end, second.group) == ("walk", 0.0, float("inf"), "s2")


def test_groups_are_recordings_or_what_the_pattern_finds(tmp_path):
    path = write_list(tmp_path, "file,label\nS1_a.mp4,x\nS2_b.mp4,y\n", "S1_a.mp4", "S2_b.mp4")
    assert [s.group for s in from_csv(path)] == ["S1_a.mp4", "S2_b.mp4"]
    assert [s.group for s in from_csv(path, pattern=r"(S\d)_")] == ["S1", "S2"]
    with pytest.raises(ListError, match="finds nothing in this name"):
        from_csv(path, pattern=r"subject(\d)")


@pytest.mark.parametrize("text, sentence", [
    ("name,label\na.mp4,x\n", "no column file"),
    ("file,label\n", "no rows"),
    ("file,label\nmissing.mp4,x\n", "line 2: .*missing.mp4 does not exist"),
    ("file,label,start_s,end_s\na.mp4,x,3,2\n", r"line 2: the segment ends at 2.0 s, before it starts at 3.0 s"),
    ("file,label,start_s,end_s\na.mp4,x,soon,2\n", "line 2: start_s and end_s must be seconds"),
])
def test_bad_lists_are_refused(tmp_path, text, sentence):
    with pytest.raises(ListError, match=sentence):
        from_csv(write_list(tmp_path, text, "a.mp4"))


def test_folder_of_classes(tmp_path):
    for label, names in {"walk": ["b.mp4", "a.MKV"], "fall": ["c.webm", "notes.txt"]}.items():
        (tmp_path / label).mkdir()
        for name in names:
            (tmp_path / label / name).write_bytes(b"")
    assert [(s.label, s.group) for s in from_folder(str(tmp_path))] == [("fall", "c.webm"), ("walk", "a.MKV"), ("walk", "b.mp4")]
    with pytest.raises(ListError, match="no sub-folder holds a video"):
        from_folder(str(tmp_path / "walk"))


class Geometry:
    frames, image = 4, 16


def test_footage_is_sampled_by_time(tmp_path):
    """Frame k of a 10 fps video is 25 k bright; windows at 0.2 s show every second one."""
    path = str(tmp_path / "ramp.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 10, (32, 24))
    for k in range(10):
        writer.write(np.full((24, 32, 3), 25 * k, np.uint8))
    writer.release()
    (tmp_path / "list.csv").write_text("file,label,start_s,end_s\nramp.avi,x,0,1\n")
    footage = Footage(from_csv(str(tmp_path / "list.csv"))[0], Geometry, 0.2)
    window = footage.window(footage.segment.start, lambda pictures: pictures)
    assert np.abs(window.mean((1, 2, 3)) - [0, 50, 100, 150]).max() < 3
    assert footage.starts(0.1)[:2] == pytest.approx([0.0, 0.1])
