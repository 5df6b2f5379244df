#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks sta_model.py and sta_prune.py against golden vectors of the official implementation.

The vectors are prune/ and vit/{tiny,micro}_*.

    tools/checks/check_golden.py tests/golden
"""

import glob
import json
import os
import struct
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from reference.safetensors import load_safetensors  # noqa: E402
from reference.sta_model import Geometry, VideoClassifier  # noqa: E402
from reference.sta_prune import pruner, sta_keep, take  # noqa: E402

GAMMA = np.uint64(0x9E3779B97F4A7C15)
SIZES = {"tiny": (16, 3, 2, 4), "micro": (96, 6, 3, 10)}


def words(name, count, seed):
    """Hashed counters [count] uint64 of a named tensor."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 % 2 ** 64
    with np.errstate(over="ignore"):
        z = np.uint64(h) ^ (np.uint64(seed) * GAMMA)
        z = z + np.arange(count, dtype=np.uint64) * GAMMA
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(name, shape, seed):
    return ((words(name, int(np.prod(shape)), seed) >> np.uint64(40)).astype(np.float64) / 2 ** 24).reshape(shape)


def tensor(name, shape, seed, scale, offset=0.0):
    return ((2 * uniform(name, shape, seed) - 1) * scale).astype(np.float32) + np.float32(offset)


def weight(name, shape, seed):
    if name.endswith(("norm1.weight", "norm2.weight", "fc_norm.weight")):
        return tensor(name, shape, seed, 0.2, 1)
    if name.endswith("bias"):
        return tensor(name, shape, seed, 0.1)
    return tensor(name, shape, seed, np.sqrt(3.0) * 1.5 / np.sqrt(float(np.prod(shape[1:]))))


def official_model(size, seed):
    """A VideoClassifier with generated weights under their original names."""
    c, depth, heads, classes = SIZES[size]
    model = VideoClassifier(Geometry(c, depth, heads, 4 * c, 64, 16, 16, 2, classes, 1e-6, 1e-6))
    parts = {"layernorm_before": "norm1", "layernorm_after": "norm2", "attention_output": "attn.proj", "intermediate": "mlp.fc1",
             "output": "mlp.fc2", "q_bias": "attn.q_bias", "v_bias": "attn.v_bias"}
    with torch.no_grad():
        for name, p in model.named_parameters():
            piece = name.split(".")
            if piece[0] == "projection":
                old = "patch_embed.proj." + piece[1]
            elif piece[0] == "classifier":
                old = "head." + piece[1]
            elif piece[0] == "fc_norm":
                old = name
            elif piece[2] in ("query", "key", "value"):
                whole = weight(f"blocks.{piece[1]}.attn.qkv.weight", (3 * c, c), seed)
                row = ("query", "key", "value").index(piece[2]) * c
                p.copy_(torch.from_numpy(whole[row:row + c]))
                continue
            else:
                old = ".".join(["blocks", piece[1], parts[piece[2]]] + piece[3:])
            p.copy_(torch.from_numpy(weight(old, tuple(p.shape), seed)))
    return model.eval()


def clip(kind, seed, s=64):
    """Generated clip [1, F, 3, S, S]."""
    if kind == "noise":
        x = tensor("clip", (3, 16, s, s), seed, 2.0)
    else:
        q = s // 8
        x = np.repeat(np.repeat(tensor("scene.background", (3, 1, q, q), seed, 1.0), 8, 2), 8, 3)
        x = x + np.float32(0.125) * tensor("scene.noise", (3, 16, s, s), seed, 1.0)
        thing = tensor("scene.object", (3, 16, s, s), seed, 1.0)
        for t in range(16):
            y, z = s // 8 + t * s // 64, s // 16 + t * s // 32
            x[:, t, y:y + s // 4, z:z + s // 4] = 4 * thing[:, t, y:y + s // 4, z:z + s // 4]
    return torch.from_numpy(x).permute(1, 0, 2, 3)[None]


def metadata(path):
    with open(path, "rb") as file:
        return json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))["__metadata__"]


def check_prune(path):
    """One pruning call on generated tokens: the same positions in the same order."""
    name = os.path.basename(path)
    groups, n, r = (int(p[1:]) for p in name.split(".")[0].split("_")[1:])
    want = load_safetensors(path)
    note = metadata(path)
    length, seed, dim_c, dim_d = groups * n, int(note["seed"]), int(note["C"]), int(note["D"])
    u = uniform("unit.cluster", (length,), seed)
    g = np.arange(length) // n % 3
    cluster = np.floor(8 * np.where(g == 0, u, np.where(g == 1, u * u, u * u * u))).astype(int)
    key = tensor("unit.center", (8, dim_d), seed, 1.0)[cluster] + np.float32(0.25) * tensor("unit.noise", (length, dim_d), seed, 1.0)
    x = tensor("unit.x", (length, dim_c), seed, 1.0) * np.where(uniform("unit.gain", (length,), seed) >= 0.96, 4, 1).astype(np.float32)[:, None]
    kept = sta_keep(torch.from_numpy(x)[None], torch.from_numpy(key)[None], groups, r, groups == 4)[0]
    flat = (kept + torch.arange(groups)[:, None] * n).flatten().numpy()
    return np.array_equal(flat, want["kept"].flatten()), f"{length} tokens, r {r}"


def check_model(path):
    """A whole forward pass: logits, and the set of tokens that are left."""
    name = os.path.basename(path).split(".")[0]
    size, kind, r = name.split("_")
    want, note, r = load_safetensors(path), metadata(path), int(r[1:])
    model = official_model(size, int(note["weight_seed"]))
    record = []
    with torch.no_grad():
        logits = model(clip(kind, int(note["clip_seed"])), pruner(model.geometry, r, record=record))[0].numpy()
    worst = float(np.abs(logits - want["logits"].flatten()).max())
    same = True
    if r:
        tokens = torch.arange(model.geometry.steps * model.geometry.per_step).float()[None, :, None]
        for kept in record:
            tokens = take(tokens, kept)
        same = set(tokens.flatten().int().tolist()) == set(want["final_tokens"].flatten().tolist())
    return worst < 5e-5 and same, f"logits differ by {worst:.1e}, tokens {'equal' if same else 'DIFFER'}"


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "tests/golden"
    bad = 0
    files = [(p, check_prune) for p in sorted(glob.glob(os.path.join(folder, "prune", "prune_T*.safetensors")))]
    files += [(p, check_model) for s in SIZES for k in ("noise", "scene") for p in sorted(glob.glob(os.path.join(folder, "vit", f"{s}_{k}_r*.safetensors")))]
    for path, check in files:
        good, text = check(path)
        bad += not good
        print(f"{'ok  ' if good else 'FAIL'} {os.path.basename(path)}: {text}")
    sys.exit(1 if bad or not files else 0)


if __name__ == "__main__":
    main()
