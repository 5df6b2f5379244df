# SPDX-License-Identifier: MIT
"""Makes processors.safetensors beside this file: pictures of generated noise as Hugging Face's VideoMAEImageProcessor prepares them, for processor files
that differ from the published ones. Each rule's file stands in the notes under its name.

    pip install transformers==4.57.1 pillow numpy      # no PyTorch is needed
    python3 tests/golden/preprocess/make_processors.py
"""

import json
import os
import struct

import numpy as np
from transformers import VideoMAEImageProcessor

GAMMA, MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1
SQUASH = {"size": {"height": 48, "width": 64}, "do_center_crop": False}
RULES = {
    "squash": SQUASH,
    "squash_crop": {"size": {"height": 60, "width": 80}, "crop_size": {"height": 48, "width": 64}},
    "no_normalize": {**SQUASH, "do_normalize": False},
    "no_rescale": {**SQUASH, "do_rescale": False, "image_mean": [120.0, 110.0, 100.0], "image_std": [60.0, 55.0, 50.0]},
    "neither": {**SQUASH, "do_rescale": False, "do_normalize": False},
    "factor": {"size": {"shortest_edge": 48}, "crop_size": {"height": 48, "width": 64}, "rescale_factor": 1 / 127.5, "image_mean": [1.0] * 3,
               "image_std": [1.0] * 3},
}
SHAPES = {"wide": (120, 213), "tall": (90, 70), "small": (40, 30)}  # height, width


def picture(name, height, width, seed=3000):
    """[height, width, 3] uint8: the generator of tests/golden/README.md, section 1, value = floor(256 u)."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    with np.errstate(over="ignore"):
        z = np.uint64(h ^ ((seed * GAMMA) & MASK)) + np.arange(height * width * 3, dtype=np.uint64) * np.uint64(GAMMA)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.floor((z >> np.uint64(40)).astype(np.float64) / 2 ** 24 * 256).astype(np.uint8).reshape(height, width, 3)


def main():
    tensors, notes = {}, {}
    for rule, settings in RULES.items():
        processor = VideoMAEImageProcessor(**settings)
        notes[rule] = json.dumps(json.loads(processor.to_json_string()), sort_keys=True)
        for shape, (height, width) in SHAPES.items():
            if rule.startswith("squash") or shape == "wide":
                done = processor([picture("image." + shape, height, width)], return_tensors="np")["pixel_values"]
                tensors[f"{rule}.{shape}"] = done[0, 0].astype("<f4")  # [3, 48, 64]
    header, offset = {"__metadata__": notes}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "processors.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(t.tobytes() for t in tensors.values()))


if __name__ == "__main__":
    main()
