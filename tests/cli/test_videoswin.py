#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Runs a Video Swin as a user would. Every layout is recognised, runs and converts to a folder. The folder plays in
# staaction, pruned and not. `sta flops` prints the paper's 32 figures. Usage: test_videoswin.py STA WEIGHTS_FOLDER CLIP
# (CLIP is "" if the elements are not built)
import json
import os
import struct
import subprocess
import sys
import tempfile

STA, WEIGHTS, CLIP = sys.argv[1:4]
SIZE = ["--image-size", "24", "--num-frames", "8"]
# First logits of the official model for a clip of zeros (golden/videoswin/README.md, nano_zeros_8x24x24).
ZEROS = [-0.718267, 0.283498, 0.649228]


def sta(*args, status=0):
    done = subprocess.run([STA, *args], capture_output=True, text=True, timeout=280)
    assert done.returncode == status, (args, done.returncode, done.stdout, done.stderr)
    return done


def json_lines(*args):
    return [json.loads(line) for line in sta(*args, "--json").stdout.splitlines()]


def write_zero_clip(path):
    shape = [3, 8, 24, 24]
    size = 4 * 3 * 8 * 24 * 24
    header = json.dumps({"clip": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(header)) + header + bytes(size))


def check_logits(model, clip, *options):
    (result,) = json_lines("run", model, "--clip", clip, "--precision", "fp32", *options)
    assert all(abs(a - b) < 3e-5 for a, b in zip(result["logits"][:3], ZEROS, strict=True)), (model, result)


with tempfile.TemporaryDirectory() as folder:
    clip = os.path.join(folder, "zeros.safetensors")
    write_zero_clip(clip)
    for name in ["nano.safetensors", "nano_mmcv.pth", "nano_torchvision.pth", "nano_torchvision.safetensors"]:
        source, out = f"{WEIGHTS}/{name}", os.path.join(folder, name)
        (info,) = json_lines("info", source, *SIZE)
        assert info["architecture"] == "video_swin" and info["window"] == [4, 3, 3], info
        assert info["stage_depths"] == [2, 1, 3, 2] and info["stage_heads"] == [1, 2, 4, 8] and info["max_drop_number"] == 384, info
        assert info["image"] == [24, 24] and info["frames"] == 8 and abs(info["sample_interval_s"] - 2 / 30) < 1e-9, info
        check_logits(source, clip, *SIZE)
        check_logits(source, clip, "--num-frames", "8")  # the size is the clip's
        check_logits(source, clip, "--num-frames", "8", "--image-size", "24x24")
        sta("convert", source, out, *SIZE)
        check_logits(out, clip)
        check_logits(out, clip, "-r", "320", "--pruning", "none")
    model = os.path.join(folder, "nano.safetensors")
    assert "reconstructed" in sta("info", model).stdout
    assert "0 to 384" in sta("run", model, "--clip", clip, "-r", "385", status=1).stderr
    assert "--image-size" in sta("info", model, "--image-size", "5000", status=2).stderr
    (info,) = json_lines("info", f"{WEIGHTS}/nano.safetensors", "--num-frames", "8", "--image-size", "16x40")
    assert info["image"] == [16, 40] and info["tokens"] == 4 * 4 * 10, info
    assert "arch" in sta("bench", "--arch", "video_swin_giant", status=1).stderr

    figures = json_lines("flops")
    assert len(figures) == 32 and all("paper_gflops" in f for f in figures), figures
    for f in figures:
        bound = 0.005 if f["model"].startswith("video_swin") else 0.007
        assert abs(f["deviation"]) <= bound, f
    assert sta("flops").stdout.count("%") == 64

    if CLIP:
        dense, pruned = (json_lines("classify", model, CLIP, "--precision", "fp32", "-r", r) for r in ("0", "192"))
        assert len(dense) == len(pruned) > 10, (len(dense), len(pruned))
        for window in dense + pruned:
            assert window["label"].startswith("class "), window
        raw = json_lines("classify", f"{WEIGHTS}/nano_mmcv.pth", CLIP, "--precision", "fp32", *SIZE)
        assert [(w["window"], w["label"]) for w in raw] == [(w["window"], w["label"]) for w in dense], "the file and the folder made of it"
        assert "image-size" in sta("classify", model, CLIP, "--image-size", "-1", status=2).stderr
        # 8 frames, 2/30 s apart
        assert abs(dense[0]["end"] - dense[0]["start"] - 16 / 30) < 1e-3, dense[0]
        assert [w["window"] for w in dense] == [w["window"] for w in pruned]
        assert any(a["confidence"] != b["confidence"] for a, b in zip(dense, pruned)), "pruning should show"
