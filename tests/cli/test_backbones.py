#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Runs ViViT, V-JEPA 2 and TimeSformer as a user would: every command of `sta` takes their folders, and staaction plays
# them, pruned, with still tokens left out, and dense. Usage: test_backbones.py STA GOLDEN_FOLDER CLIP (CLIP is "" if the
# elements are not built)
import json
import os
import struct
import subprocess
import sys
import tempfile

STA, GOLDEN, CLIP = sys.argv[1:4]
# Name, architecture, largest drop number.
MODELS = [("vivit_nano", "vivit", 8), ("vjepa2_nano", "vjepa2", 8), ("timesformer_nano", "timesformer", 0)]


def sta(*args, status=0):
    done = subprocess.run([STA, *args], capture_output=True, text=True, timeout=280)
    assert done.returncode == status, (args, done.returncode, done.stdout, done.stderr)
    return done


def json_lines(*args):
    return [json.loads(line) for line in sta(*args, "--json").stdout.splitlines()]


def clip_and_logits(name, path):
    """Writes the golden clip in the form that `sta run` takes, [3,T,H,W]; returns the golden logits."""
    with open(f"{GOLDEN}/hf_models/{name}_golden.safetensors", "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    clip, logits = header["clip"], header["logits"]
    _, frames, channels, height, width = clip["shape"]
    raw, plane = body[slice(*clip["data_offsets"])], 4 * height * width
    values = b"".join(raw[(t * channels + c) * plane:(t * channels + c + 1) * plane] for c in range(channels) for t in range(frames))
    text = json.dumps({"clip": {"dtype": "F32", "shape": [channels, frames, height, width], "data_offsets": [0, len(values)]}}).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + values)
    return struct.unpack(f"<{logits['shape'][1]}f", body[slice(*logits["data_offsets"])])


def check(name, architecture, most, folder):
    model, clip, out = f"{GOLDEN}/hf_models/{name}", os.path.join(folder, "clip.safetensors"), os.path.join(folder, name)
    want = clip_and_logits(name, clip)
    (info,) = json_lines("info", model)
    assert info["architecture"] == architecture and info["max_drop_number"] == most and info["tokens"] == 128 and not info["warnings"], info
    # A conversion gives the same model.
    sta("convert", model, out)
    for place in (model, out):
        (done,) = json_lines("run", place, "--clip", clip, "--precision", "fp32")
        assert max(abs(a - b) for a, b in zip(done["logits"], want, strict=True)) <= 5e-5, (place, done["logits"], want)
    for precision in ("bf16", "fp16"):
        (done,) = json_lines("run", model, "--clip", clip, "--precision", precision)
        assert max(abs(a - b) for a, b in zip(done["logits"], want, strict=True)) <= 0.05 * max(map(abs, want)), (precision, done["logits"], want)
    (dense,) = json_lines("flops", model)
    sta("bench", model, "--runs", "1", "--warmup", "0", "-r", f"0,{most}" if most else "0")
    if most == 0:
        assert "attends to time and space in turn" in sta("run", model, "--clip", clip, "-r", "1", status=1).stderr
        assert "a TimeSformer needs whole windows" in sta("run", model, "--clip", clip, "--still-threshold", "0.1", status=1).stderr
        return
    for rule in ("sta", "random"):
        sta("run", model, "--clip", clip, "-r", str(most), "--pruning", rule)
    sta("run", model, "--clip", clip, "--still-threshold", "0.1")
    (pruned,) = json_lines("flops", model, "-r", str(most))
    assert pruned["total"] < 0.8 * dense["total"], (pruned, dense)
    assert f"0 to {most}" in sta("run", model, "--clip", clip, "-r", str(most + 1), status=1).stderr


def check_element(name, most):
    """The labels of a video: as many pruned as dense."""
    model = f"{GOLDEN}/hf_models/{name}"
    dense = json_lines("classify", model, CLIP)
    assert len(dense) > 1, dense
    if most == 0:
        sta("classify", model, CLIP, "-r", "1", status=1)
        return
    assert len(json_lines("classify", model, CLIP, "-r", str(most))) == len(dense)
    assert len(json_lines("classify", model, CLIP, "-r", "3", "--still-threshold", "0.05")) == len(dense)


with tempfile.TemporaryDirectory() as folder:
    for name, architecture, most in MODELS:
        check(name, architecture, most, folder)
        if CLIP:
            check_element(name, most)
    # Sizes of the published ones: tokens, and what dropping half of them saves.
    for arch, most in [("vivit_base", 98), ("vjepa2_large", 128), ("vjepa2_giant", 128)]:
        dense, half = json_lines("flops", "--arch", arch, "-r", f"0,{most}")
        assert half["total"] < 0.45 * dense["total"], (dense, half)
        assert f"0 to {most}" in sta("flops", "--arch", arch, "-r", str(most + 1), status=1).stderr
print("the other networks run")
