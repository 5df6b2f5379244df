#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Checks the inputs of `sta classify` that are no video files: sequences of pictures, animated GIFs, videos too short
# for a window. Usage: test_sources.py STA MODEL
import json
import os
import subprocess
import sys
import tempfile

STA, MODEL = sys.argv[1:3]


def classify(*args, status=0):
    done = subprocess.run([STA, "classify", MODEL, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, (args, done.returncode, done.stdout, done.stderr)
    return done


def make(*pipeline):
    subprocess.run(["gst-launch-1.0", "-q", "videotestsrc", "pattern=ball", *pipeline], check=True, timeout=60)


with tempfile.TemporaryDirectory() as folder:
    pictures = os.path.join(folder, "%04d.png")
    make("num-buffers=40", "!", "video/x-raw,width=128,height=96,framerate=10/1", "!", "pngenc", "!", "multifilesink", "location=" + pictures)
    windows = [json.loads(line) for line in classify(pictures, "--rate", "10", "--json").stdout.splitlines()]
    assert len(windows) > 4 and abs(windows[0]["end"] - windows[0]["start"] - 1.6) < 1e-3, windows
    # Twice as fast, half as long.
    assert len(classify(pictures, "--rate", "20", "--json").stdout.splitlines()) < len(windows)
    # Numbering may begin anywhere, but must not have holes.
    os.remove(pictures % 0)
    assert len(classify(pictures, "--rate", "10", "--json").stdout.splitlines()) >= len(windows) - 1
    os.rename(pictures % 20, pictures % 90)
    assert "0020.png is missing" in classify(pictures, "--rate", "10", status=1).stderr
    os.rename(pictures % 90, pictures % 20)

    assert "--rate says how many" in classify(pictures, status=2).stderr
    for rate in ("0.001", "1e9", "-5", "nan"):
        assert "--rate should be 0.01 to 1000" in classify(pictures, "--rate", rate, status=2).stderr, rate
    assert "no such picture" in classify(os.path.join(folder, "none-%d.png"), "--rate", "10", status=1).stderr
    assert "should be .png, .jpg or .jpeg" in classify(os.path.join(folder, "a%d.tga"), "--rate", "10", status=1).stderr
    assert "%04d.png with --rate" in classify(folder, status=1).stderr
    # The message appears only if it is the reason, and gives both lengths.
    done = classify(pictures, "--rate", "100")
    assert "too short: 0.39 s of video, and more than 0.70 s are needed" in done.stderr and done.stdout == "", done.stderr
    single = classify(pictures % 5).stderr
    assert f"a single picture, and a window of this model takes 16 frames; the sequence that it is part of is {pictures} with --rate" in single, single

    short = os.path.join(folder, "short.mp4")
    make("num-buffers=6", "!", "video/x-raw,width=128,height=96,framerate=30/1", "!", "x264enc", "!", "h264parse", "!", "mp4mux", "!", "filesink", "location=" + short)
    assert "too short: 0.20 s of video" in classify(short).stderr
    assert "--rate is for sequences" in classify(short, "--rate", "5", status=2).stderr

    # Seven seconds with only one frame left in each: long enough, but with gaps. MP4, since matroskamux 1.26 gives the
    # second frame the time that it would have without a gap before it.
    gaps = os.path.join(folder, "gaps.mp4")
    make("num-buffers=240", "!", "video/x-raw,width=128,height=96,framerate=30/1", "!", "x264enc", "key-int-max=30", "bframes=0", "!", "h264parse", "!",
         "identity", "drop-buffer-flags=delta-unit", "!", "mp4mux", "!", "filesink", "location=" + gaps)
    done = classify(gaps)
    assert "7 gaps in 7.03 s of video" in done.stderr and "too short" not in done.stderr, done.stderr

    # A GIF of two frames that would play for ever, as a path and as a URI.
    gif = os.path.join(folder, "a.gif")
    frame = b"\x21\xf9\x04\0\x0a\0\0\0" + b"\x2c\0\0\0\0\x01\0\x01\0\0" + b"\x02\x02\x44\x01\0"
    with open(gif, "wb") as file:
        file.write(b"GIF89a\x01\0\x01\0\x80\0\0" + bytes(3) + b"\xff\xff\xff" + b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0" + 2 * frame + b";")
    for name in (gif, "file://" + gif):
        done = classify(name, status=1)
        assert "cannot play animated GIFs" in done.stderr and "ffmpeg -i" in done.stderr, done.stderr

    # eval accepts and refuses the same inputs.
    listed, report = os.path.join(folder, "list.txt"), os.path.join(folder, "report.json")
    def evaluate(video, *args, status=0):
        with open(listed, "w", encoding="utf-8") as file:
            file.write(f"{video} 0\n")
        done = subprocess.run([STA, "eval", MODEL, listed, "--json", report, *args], capture_output=True, text=True, timeout=60)
        assert done.returncode == status, (video, done.returncode, done.stdout, done.stderr)
        return done.stderr
    evaluate(pictures, "--rate", "10")
    with open(report, encoding="utf-8") as file:
        per_video = json.load(file)["per_video"][0]
    assert per_video["frames"] == 39 and per_video["views"] > 4, per_video
    assert "--rate says how many" in evaluate(pictures, status=1)
    assert "cannot play animated GIFs" in evaluate(gif, status=1)
    assert "too short: 0.20 s of video, and more than 0.70 s are needed" in evaluate(short, status=1)
    assert "7 gaps in" in evaluate(gaps, status=1)
print("sources: pictures, GIFs and videos without a window are told apart")
