#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Checks video that is to be shown turned, as telephones record it. The input is the shipped clip with another display
# matrix. classify and eval must report the camera's motion as a viewer sees it, and an annotated file must be upright.
# Usage: test_orientation.py STA MODEL CLIP
import json
import os
import struct
import subprocess
import sys
import tempfile

STA, MODEL, CLIP = (os.path.abspath(path) for path in sys.argv[1:4])
ONE = 1 << 16
MATRICES = {"90": (0, ONE, -ONE, 0), "180": (-ONE, 0, 0, -ONE), "270": (0, -ONE, ONE, 0), "horiz": (-ONE, 0, 0, ONE), "ul-lr": (0, ONE, ONE, 0)}
# The picture's content moves opposite to the camera. When the picture is turned clockwise by 90 degrees, a move to the
# right becomes a move down.
TURNED = {"90": {"pan-left": "tilt-up", "pan-right": "tilt-down"}, "180": {"pan-left": "pan-right", "pan-right": "pan-left"},
          "270": {"pan-left": "tilt-down", "pan-right": "tilt-up"}, "horiz": {"pan-left": "pan-right", "pan-right": "pan-left"},
          "ul-lr": {"pan-left": "tilt-up", "pan-right": "tilt-down"}}


def turned_copy(folder, angle):
    """The clip with another matrix in its track header (ISO 14496-12, 8.3.2). All other bytes stay the same."""
    with open(CLIP, "rb") as file:
        data = bytearray(file.read())
    header = data.index(b"tkhd") + 4
    assert data[header] == 0, "a track header of version 0"
    a, b, c, d = MATRICES[angle]
    struct.pack_into(">9i", data, header + 40, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path = os.path.join(folder, f"turned-{angle}.mp4")
    with open(path, "wb") as file:
        file.write(data)
    return path


def run(*args):
    done = subprocess.run([STA, *args], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, (args, done.stderr)
    return done.stdout


def labels(video, *options):
    return {w["window"]: (w["label"], w["confidence"]) for w in map(json.loads, run("classify", MODEL, video, "--json", "--top-k", "1", *options).splitlines())}


def coded_size(path):
    """Width and height of an MP4's H.264 track, from its sample description."""
    with open(path, "rb") as file:
        data = file.read()
    return struct.unpack_from(">2H", data, data.index(b"avc1", data.index(b"stsd")) + 4 + 24)


def matrix(path):
    with open(path, "rb") as file:
        data = file.read()
    return struct.unpack_from(">5i", data, data.index(b"tkhd") + 4 + 40)


with tempfile.TemporaryDirectory() as folder:
    upright, turned = labels(CLIP), {}
    for angle in MATRICES:
        seen = turned[angle] = labels(turned_copy(folder, angle))
        assert seen.keys() == upright.keys()
        sure = [w for w, (label, confidence) in upright.items() if label in TURNED[angle] and confidence > 0.9]
        right = sum(seen[w][0] == TURNED[angle][upright[w][0]] for w in sure)
        assert len(sure) > 10 and right >= 0.9 * len(sure), (angle, right, len(sure))
        steady = [w for w, (label, confidence) in upright.items() if label == "steady" and confidence > 0.9]
        assert sum(seen[w][0] == "steady" for w in steady) >= 0.9 * len(steady), angle

    # The annotated file is upright and does not ask to be turned again.
    out = os.path.join(folder, "annotated.mp4")
    written = labels(turned_copy(folder, "90"), "--annotate", out)
    assert coded_size(out) == coded_size(CLIP)[::-1], (coded_size(out), coded_size(CLIP))
    assert matrix(out) == (ONE, 0, 0, 0, ONE), matrix(out)
    agree = sum(written[w][0] == label for w, (label, _) in turned["90"].items())
    assert agree >= 0.95 * len(written), (agree, len(written))

    # eval reads files by itself. Mirroring a clip makes the two pans change places in the mean over all its windows.
    means = []
    for video in (CLIP, turned_copy(folder, "horiz")):
        listed, report = os.path.join(folder, "list.txt"), os.path.join(folder, "report.json")
        with open(listed, "w", encoding="utf-8") as file:
            file.write(f"{video} 1\n")
        run("eval", MODEL, listed, "--probabilities", "--json", report)
        with open(report, encoding="utf-8") as file:
            means.append(json.load(file)["per_video"][0]["results"][0]["probabilities"])
        os.remove(report)
    (_, left, right, *_), (_, turned_left, turned_right, *_) = means
    assert abs(left - turned_right) < 0.02 and abs(right - turned_left) < 0.02 and abs(left - right) > 0.003, means
print("orientation: the model sees what a viewer sees")
