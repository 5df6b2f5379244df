#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What `sta classify` is given beside video files: sequences of pictures, animated GIFs, videos too short for a window. Usage: test_sources.py STA MODEL
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
    # Numbering may begin at 1.
    os.remove(pictures % 0)
    assert len(classify(pictures, "--rate", "10", "--json").stdout.splitlines()) >= len(windows) - 1

    assert "--rate says how many" in classify(pictures, status=2).stderr
    assert "neither" in classify(os.path.join(folder, "none-%d.png"), "--rate", "10", status=1).stderr
    assert "should be .png, .jpg or .jpeg" in classify(os.path.join(folder, "a%d.tga"), "--rate", "10", status=1).stderr
    # Said only where it is the reason, with both lengths.
    done = classify(pictures, "--rate", "100")
    assert "too short: 0.39 s of video, and a window of this model is 1.60 s long" in done.stderr and done.stdout == "", done.stderr

    short = os.path.join(folder, "short.mp4")
    make("num-buffers=6", "!", "video/x-raw,width=128,height=96,framerate=30/1", "!", "x264enc", "!", "h264parse", "!", "mp4mux", "!", "filesink", "location=" + short)
    assert "too short: 0.20 s of video" in classify(short).stderr
    assert "--rate is for sequences" in classify(short, "--rate", "5", status=2).stderr

    gif = os.path.join(folder, "a.gif")
    with open(gif, "wb") as file:
        file.write(b"GIF89a" + bytes(20))
    done = classify(gif, status=1)
    assert "cannot play animated GIFs" in done.stderr and "ffmpeg -i" in done.stderr, done.stderr
print("sources: pictures, GIFs and short videos are told apart")
