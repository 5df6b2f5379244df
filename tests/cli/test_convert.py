#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Runs `sta` on checkpoints, as a user would. Every good file must convert to a folder that computes the official
# logits. Every broken file must end with exit status 1 and one line. Usage: test_convert.py STA GOLDEN_FOLDER
# MADE_FOLDER
import json
import multiprocessing.pool
import os
import struct
import subprocess
import sys
import tempfile

STA, GOLDEN, MADE = sys.argv[1:4]
# First logits of the official model for a clip of zeros at drop number 5 (golden/README.md, degenerate clips).
ZEROS = [-1.26839, 0.89201, -0.74601]


def sta(*args, status=0):
    done = subprocess.run([STA, *args], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, (args, done.returncode, done.stdout, done.stderr)
    return done


def write_zero_clip(path):
    shape = [3, 16, 64, 64]
    size = 4 * 3 * 16 * 64 * 64
    header = json.dumps({"clip": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(header)) + header + bytes(size))


def first_logits(model, clip, *options):
    return json.loads(sta("run", model, "--clip", clip, "-r", "5", "--precision", "fp32", "--json", *options).stdout)["logits"][:3]


def close(a, b, bound):
    return all(abs(x - y) <= bound for x, y in zip(a, b, strict=True))


with tempfile.TemporaryDirectory() as folder:
    clip = os.path.join(folder, "zeros.safetensors")
    write_zero_clip(clip)

    for name, bound in [("micro_videomae", 5e-5), ("micro_backbone_prefix", 5e-5), ("micro_mmaction", 5e-5), ("micro_deepspeed_fp16", 1e-2)]:
        source, out = f"{MADE}/checkpoints/{name}.pth", os.path.join(folder, name)
        info = json.loads(sta("info", source, "--num-heads", "3", "--json").stdout)
        assert info["embed_dim"] == 96 and info["depth"] == 6 and len(info["labels"]) == 10, info
        sta("convert", source, out, "--num-heads", "3", "--image-size", "64")
        logits = first_logits(out, clip)
        assert close(logits, ZEROS, bound), (name, logits)
        assert "is there already" in sta("convert", source, out, "--num-heads", "3", status=1).stderr
    # This layout stores its position table, and that gives its image size. So it runs as it is.
    assert close(first_logits(f"{MADE}/checkpoints/micro_mmaction.pth", clip, "--num-heads", "3"), ZEROS, 5e-5)

    labels = os.path.join(folder, "labels.txt")
    with open(labels, "w", encoding="utf-8") as out:
        out.write("".join(f"label {i}\n" for i in range(10)))
    sta("convert", f"{MADE}/checkpoints/micro_hf", os.path.join(folder, "named"), "--labels", labels)
    assert json.loads(sta("info", os.path.join(folder, "named"), "--json").stdout)["labels"][7] == "label 7"

if os.path.exists("/tmp/pwned"):
    os.remove("/tmp/pwned")
bad = sorted(f for f in os.listdir(f"{GOLDEN}/checkpoints_bad") if f.endswith((".pth", ".safetensors")) and not f.startswith("control_"))
assert len(bad) > 40, bad
# Two at a time: starting the program, which loads LibTorch, takes longer than the check itself.
with multiprocessing.pool.ThreadPool(2) as pool:
    refused = pool.map(lambda name: sta("info", f"{GOLDEN}/checkpoints_bad/{name}", "--num-heads", "1", status=1), bad)
for name, done in zip(bad, refused, strict=True):
    assert done.stdout == "" and done.stderr.startswith("sta info: ") and done.stderr.count("\n") == 1 and name in done.stderr, (name, done.stderr)
assert not os.path.exists("/tmp/pwned"), "a pickle was executed"
sta("convert", status=2)
sta("convert", "a", "b", "--num-heads", "-1", status=2)
