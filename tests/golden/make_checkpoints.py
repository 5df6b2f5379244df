#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the large checkpoints of the golden tests from their frames. Needs Python alone.

Most bytes of these files are weights that the generator gives (README.md, section 1), the same ones in many layouts. The tree keeps what is left of each
file, its frame: NAME.frame says which weights lie where and holds all other bytes (headers, pickles, checksums) as PyTorch, safetensors or
transformers wrote them. A made file is the original byte for byte: its SHA-256 is in the frame and is checked.

    make_checkpoints.py make GOLDEN OUT [STAMP DEPFILE]   all of GOLDEN/checkpoints and GOLDEN/videoswin/weights, whole, below OUT
    make_checkpoints.py frame FILE MODEL SEED             the frame of a file that holds the weights of MODEL (see MODELS), to standard output

STAMP is written at the end, and DEPFILE names everything that was read (Makefile syntax), so that ninja makes the files again when a frame changes.

A frame is JSON: `model`, `seed`, `sha256`, `pieces` in the order of the file, and `rest`, the other bytes (zlib, base64). A piece is one of
    bytes N           the next N bytes of the rest
    f32 NAME          a weight, little-endian, row by row (f16: rounded to half)
    f32 NAME[A:B]     its rows A to B - 1
"""

import base64
import hashlib
import json
import math
import os
import re
import struct
import sys
import zlib

FOLDERS = ("checkpoints", "videoswin/weights")
SUFFIX = ".frame"
GAMMA = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def vit_shapes(channels, depth, classes):
    """{name: shape} of a ViT, original VideoMAE names."""
    c = channels
    shapes = {"patch_embed.proj.weight": (c, 3, 2, 16, 16), "patch_embed.proj.bias": (c,)}
    for i in range(depth):
        block = {"norm1.weight": (c,), "norm1.bias": (c,), "norm2.weight": (c,), "norm2.bias": (c,), "attn.qkv.weight": (3 * c, c), "attn.q_bias": (c,),
                 "attn.v_bias": (c,), "attn.proj.weight": (c, c), "attn.proj.bias": (c,), "mlp.fc1.weight": (4 * c, c), "mlp.fc1.bias": (4 * c,),
                 "mlp.fc2.weight": (c, 4 * c), "mlp.fc2.bias": (c,)}
        shapes.update({f"blocks.{i}.{name}": shape for name, shape in block.items()})
    shapes.update({"fc_norm.weight": (c,), "fc_norm.bias": (c,), "head.weight": (classes, c), "head.bias": (classes,)})
    return shapes


def swin_shapes(channels, depths, heads, window, classes):
    """{name: shape} of a Video Swin, official names without "backbone."."""
    shapes = {}

    def pair(name, *shape):
        shapes[name + ".weight"], shapes[name + ".bias"] = shape, shape[:1]

    pair("patch_embed.proj", channels, 3, 2, 4, 4)
    pair("patch_embed.norm", channels)
    for stage, depth in enumerate(depths):
        c = channels << stage
        for i in range(depth):
            block = f"layers.{stage}.blocks.{i}."
            pair(block + "norm1", c)
            pair(block + "norm2", c)
            pair(block + "attn.qkv", 3 * c, c)
            pair(block + "attn.proj", c, c)
            shapes[block + "attn.relative_position_bias_table"] = (math.prod(2 * w - 1 for w in window), heads << stage)
            pair(block + "mlp.fc1", 4 * c, c)
            pair(block + "mlp.fc2", c, 4 * c)
        if stage + 1 < len(depths):
            pair(f"layers.{stage}.downsample.norm", 4 * c)
            shapes[f"layers.{stage}.downsample.reduction.weight"] = (2 * c, 4 * c)
    last = channels << (len(depths) - 1)
    pair("norm", last)
    pair("cls_head.fc_cls", classes, last)
    return shapes


MODELS = {
    "vit-tiny": vit_shapes(16, 3, 4),
    "vit-micro": vit_shapes(96, 6, 10),
    "swin-nano": swin_shapes(8, (2, 1, 3, 2), 1, (4, 3, 3), 5),
}


def seed_of(name, global_seed):
    """FNV-1a of the name, mixed with the seed that all tensors share."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 & MASK
    return h ^ (global_seed * GAMMA & MASK)


def generate(name, shape, global_seed, scale, offset=0.0):
    """A generated tensor as float32 bytes. struct rounds as a C cast does."""
    values, seed, count = [], seed_of(name, global_seed), math.prod(shape)
    for z in range(seed, seed + count * GAMMA, GAMMA):
        z &= MASK
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        u = ((z ^ z >> 31) >> 40) / 16777216
        values.append((2 * u - 1) * scale)
    data = struct.pack(f"<{count}f", *values)
    if offset:
        data = struct.pack(f"<{count}f", *(value + offset for value in struct.unpack(f"<{count}f", data)))
    return data


def weight(name, shape, global_seed):
    """A weight by the rules of both READMEs: they give no name two meanings."""
    if name.endswith(("norm.weight", "norm1.weight", "norm2.weight")):
        return generate(name, shape, global_seed, 0.2, 1.0)
    if name.endswith("bias"):
        return generate(name, shape, global_seed, 0.1)
    if name.endswith("relative_position_bias_table"):
        return generate(name, shape, global_seed, 0.5)
    return generate(name, shape, global_seed, math.sqrt(3.0) * 1.5 / math.sqrt(math.prod(shape[1:])))


class Weights:
    """The weights of one model and seed, generated when they are asked for."""

    def __init__(self, model, seed):
        if model not in MODELS:
            raise ValueError(f"no model {model}: {', '.join(MODELS)}")
        self.shapes, self.seed, self.made = MODELS[model], seed, {}

    def get(self, dtype, name, rows=None):
        """Bytes of a weight, "f32" or "f16", or of its rows (first, one past the last)."""
        if name not in self.shapes:
            raise ValueError(f"no weight {name}")
        if ("f32", name) not in self.made:
            self.made["f32", name] = weight(name, self.shapes[name], self.seed)
        if (dtype, name) not in self.made:
            data = self.made["f32", name]
            self.made[dtype, name] = struct.pack(f"<{len(data) // 4}e", *struct.unpack(f"<{len(data) // 4}f", data))
        data = self.made[dtype, name]
        if rows is None:
            return data
        row = len(data) // self.shapes[name][0]
        return data[rows[0] * row:rows[1] * row]


def fill(frame, weights):
    """frame, weights -> the bytes of the file. ValueError if they are not the original's."""
    rest = zlib.decompress(base64.b64decode("".join(frame["rest"])))
    at, parts = 0, []
    for piece in frame["pieces"]:
        match = re.fullmatch(r"bytes (\d+)|(f32|f16) ([\w.]+)(?:\[(\d+):(\d+)\])?", piece)
        if not match:
            raise ValueError(f"piece {piece!r} is none of: bytes N, f32 NAME, f16 NAME, f32 NAME[A:B]")
        count, dtype, name, first, end = match.groups()
        if count:
            parts.append(rest[at:at + int(count)])
            at += int(count)
        else:
            parts.append(weights.get(dtype, name, (int(first), int(end)) if first else None))
    data = b"".join(parts)
    if hashlib.sha256(data).hexdigest() != frame["sha256"]:
        raise ValueError("what the frame and the generated weights make is not the original file: the SHA-256 differs")
    return data


def find_weights(data, weights):
    """[(begin, end, piece)] of all weights in a file, in its order. ValueError if it lacks one."""
    found = []

    def find(dtype, name, rows=None):
        wanted, begin, count = weights.get(dtype, name, rows), -1, 0
        while (begin := data.find(wanted, begin + 1)) >= 0:
            found.append((begin, begin + len(wanted), f"{dtype} {name}" + (f"[{rows[0]}:{rows[1]}]" if rows else "")))
            count += 1
        return count

    for name, shape in weights.shapes.items():
        # Hugging Face keeps the three projections apart.
        thirds = [(i * shape[0] // 3, (i + 1) * shape[0] // 3) for i in range(3)]
        if not any(find(dtype, name) or (name.endswith("qkv.weight") and all([find(dtype, name, rows) for rows in thirds])) for dtype in ("f32", "f16")):
            raise ValueError(f"{name} is not in the file, neither as f32 nor as f16")
    return sorted(found)


def frame_of(data, model, seed):
    """The frame of a file: the inverse of fill()."""
    pieces, rest, at = [], [], 0

    def keep(end):
        if end > at:
            pieces.append(f"bytes {end - at}")
            rest.append(data[at:end])

    for begin, end, piece in find_weights(data, Weights(model, seed)):
        if begin < at:
            raise ValueError(f"{piece} overlaps the weight before it")
        keep(begin)
        pieces.append(piece)
        at = end
    keep(len(data))
    text = base64.b64encode(zlib.compress(b"".join(rest), 9)).decode()
    return {"model": model, "seed": seed, "sha256": hashlib.sha256(data).hexdigest(), "pieces": pieces,
            "rest": [text[i:i + 116] for i in range(0, len(text), 116)]}


def make(golden, out):
    """Fills the frames and copies all other files of FOLDERS. Returns what was read: folders too, so that a new file in one is noticed."""
    read, known = [], {}
    for top in FOLDERS:
        for folder, _, names in os.walk(os.path.join(golden, top)):
            read.append(folder)
            target = os.path.join(out, os.path.relpath(folder, golden))
            os.makedirs(target, exist_ok=True)
            for name in sorted(names):
                path = os.path.join(folder, name)
                read.append(path)
                with open(path, "rb") as file:
                    data = file.read()
                if name.endswith(SUFFIX):
                    name = name[:-len(SUFFIX)]
                    try:
                        frame = json.loads(data)
                        key = frame["model"], frame["seed"]
                        if key not in known:
                            known[key] = Weights(*key)
                        data = fill(frame, known[key])
                    except KeyError as error:
                        raise ValueError(f"{path}: {error} is missing") from None
                    except (TypeError, ValueError, zlib.error) as error:
                        raise ValueError(f"{path}: {error}") from None
                with open(os.path.join(target, name), "wb") as file:
                    file.write(data)
    return read


def main(args):
    if len(args) == 4 and args[0] == "frame" and args[3].isdigit():
        with open(args[1], "rb") as file:
            print(json.dumps(frame_of(file.read(), args[2], int(args[3])), indent=0))
    elif len(args) in (3, 5) and args[0] == "make":
        read = make(args[1], args[2])
        if len(args) == 5:
            stamp, depfile = args[3:]
            with open(depfile, "w", encoding="utf-8") as file:
                file.write(stamp.replace(" ", "\\ ") + ":" + "".join(" \\\n  " + path.replace(" ", "\\ ") for path in read) + "\n")
            with open(stamp, "w", encoding="utf-8"):
                pass
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (OSError, ValueError) as error:
        sys.exit(f"make_checkpoints.py: {error}")
