#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Checks that `sta` copes with real files and habits: models fine-tuned by Hugging Face's tutorial, several labels at
# once, one of several models in a file, sizes that are not square, label files, and things that are no model. Usage:
# test_models.py STA GOLDEN_FOLDER
import json
import math
import os
import struct
import subprocess
import sys
import tempfile

STA, GOLDEN = sys.argv[1:3]


def sta(*args, status=0):
    done = subprocess.run([STA, *args], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, (args, done.returncode, done.stdout, done.stderr)
    return done


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    return header, body


def write_clip(path, shape, values):
    header = json.dumps({"clip": {"dtype": "F32", "shape": shape, "data_offsets": [0, len(values)]}}).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(header)) + header + values)


def clip_and_logits(name, path):
    """Writes the golden clip in the form that `sta run` takes, [3,T,H,W]; returns the golden logits."""
    header, body = read_safetensors(f"{GOLDEN}/hf_models/{name}_golden.safetensors")
    clip, logits = header["clip"], header["logits"]
    _, frames, channels, height, width = clip["shape"]
    raw, plane = body[slice(*clip["data_offsets"])], 4 * height * width
    planes = [raw[(t * channels + c) * plane:(t * channels + c + 1) * plane] for c in range(channels) for t in range(frames)]
    write_clip(path, [channels, frames, height, width], b"".join(planes))
    return struct.unpack(f"<{logits['shape'][1]}f", body[slice(*logits["data_offsets"])])


with tempfile.TemporaryDirectory() as folder:
    clip = os.path.join(folder, "clip.safetensors")
    for name, multi_label in [("videomae_tutorial_nano", False), ("videomae_multilabel_nano", True), ("videomae_nobias_nano", False)]:
        model, want = f"{GOLDEN}/hf_models/{name}", clip_and_logits(name, clip)
        done = json.loads(sta("run", model, "--clip", clip, "--precision", "fp32", "--json").stdout)
        assert max(abs(a - b) for a, b in zip(done["logits"], want, strict=True)) <= 5e-5, (name, done["logits"], want)
        best = max(range(len(want)), key=lambda i: want[i])
        chance = 1 / (1 + math.exp(-want[best])) if multi_label else math.exp(want[best]) / sum(math.exp(v) for v in want)
        assert done["top"][0]["class"] == best and abs(done["top"][0]["confidence"] - chance) < 1e-4, (name, done["top"])
        assert json.loads(sta("info", model, "--json").stdout)["multi_label"] is multi_label
    assert "several may hold at once" in sta("info", f"{GOLDEN}/hf_models/videomae_multilabel_nano").stdout
    # Pruned by both rules; the class is read from token 0.
    clip_and_logits("videomae_tutorial_nano", clip)
    for rule in ("sta", "random"):
        sta("run", f"{GOLDEN}/hf_models/videomae_tutorial_nano", "--clip", clip, "-r", "7", "--pruning", rule)
    assert "7" in sta("run", f"{GOLDEN}/hf_models/videomae_tutorial_nano", "--clip", clip, "-r", "8", status=1).stderr

    # Two models in one file, each under its own prefix: the second has other numbers in its head.
    header, body = read_safetensors(f"{GOLDEN}/checkpoints_bad/control_good.safetensors")
    notes = header.pop("__metadata__", {})
    both, data = {"__metadata__": notes}, b""
    for prefix in ("student.", "teacher."):
        for name, entry in header.items():
            raw = body[slice(*entry["data_offsets"])]
            if prefix == "teacher." and name == "head.bias":
                raw = struct.pack("<f", 9.0) + raw[4:]
            both[prefix + name] = {**entry, "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
    text = json.dumps(both).encode()
    path = os.path.join(folder, "two.safetensors")
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)
    done = sta("info", path, "--num-heads", "1")
    assert "several models (student, teacher); teacher was taken" in done.stderr, done.stderr
    assert sta("info", path + "#student", "--num-heads", "1").stderr == ""
    assert "it holds student, teacher" in sta("info", path + "#other", "--num-heads", "1", status=1).stderr

    # A size that is not square, for files that do not say a size.
    for bad in ("0", "12x", "x12", "5000", "224x224x3", "-3"):
        assert "HEIGHTxWIDTH" in sta("info", path + "#student", "--num-heads", "1", f"--image-size={bad}", status=2).stderr
    info = json.loads(sta("info", path + "#student", "--num-heads", "1", "--image-size", "32x64", "--json").stdout)
    assert info["image"] == [32, 64] and info["tokens"] == 2 * 4 * 8, info

    # Labels.
    tutorial = f"{GOLDEN}/hf_models/videomae_tutorial_nano"
    for name, text in [("bom.txt", "\ufeffa\nb\nc\nd\ne\n"), ("numbers.txt", "1 a\n2 b\n3 c\n4 d\n5 e\n"), ("l.csv", "id,name\n0,a\n1,b\n2,c\n3,d\n4,e\n"),
                       ("l.json", '{"0": "a", "1": "b", "2": "c", "3": "d", "4": "e"}')]:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
            out.write(text)
        assert json.loads(sta("info", tutorial, "--json", "--labels", os.path.join(folder, name)).stdout)["labels"] == list("abcde"), name
    with open(os.path.join(folder, "few.csv"), "w", encoding="utf-8") as out:
        out.write("id,name\n0,a\n1,b\n")
    assert 'has 2 labels (taken for a CSV table with the column "name"), but the model has 5 classes' in sta(
        "info", tutorial, "--labels", os.path.join(folder, "few.csv"), status=1).stderr

    # Things that are no model: one line each, at once.
    os.mkfifo(os.path.join(folder, "pipe"))
    os.mkdir(os.path.join(folder, "lora"))
    for name, content, says in [("pipe", None, "FIFO"), ("lfs.safetensors", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
                                ("m.onnx", "x", "ONNX"), ("lora/adapter_config.json", "{}", None), ("lora", None, "merge_and_unload")]:
        if content is not None:
            with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                out.write(content)
        if says:
            done = sta("info", os.path.join(folder, name), status=1)
            assert says in done.stderr and done.stderr.count("\n") == 1, done.stderr
print("models: what people have loads or is named")
