# SPDX-License-Identifier: MIT
"""Tests reading and writing of model files."""

import json
import os
import struct

import numpy as np
import pytest
from reference.safetensors import load_safetensors, save_safetensors


def test_round_trip_is_exact(tmp_path):
    rng = np.random.default_rng(1)
    tensors = {"b": rng.normal(size=(3, 5)).astype(np.float32), "a.weight": rng.normal(size=7).astype(np.float32),
               "odd": np.array([[np.inf, -0.0, np.nextafter(np.float32(1), np.float32(2))]], np.float32)}
    path = str(tmp_path / "m.safetensors")
    save_safetensors(path, tensors, {"format": "pt"})
    back = load_safetensors(path)
    assert sorted(back) == sorted(tensors)
    for name, tensor in tensors.items():
        assert back[name].dtype == np.float32 and back[name].shape == tensor.shape and back[name].tobytes() == tensor.tobytes()
    assert os.listdir(tmp_path) == ["m.safetensors"]  # no half-written file beside it


def test_header_is_what_the_format_says(tmp_path):
    path = str(tmp_path / "m.safetensors")
    save_safetensors(path, {"x": np.ones((2, 3), np.float32)}, {"note": "n"})
    raw = open(path, "rb").read()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    assert length % 8 == 0 and header == {"__metadata__": {"note": "n"}, "x": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
    assert raw[8 + length:] == np.ones(6, "<f4").tobytes()


@pytest.mark.parametrize("kind, dtype", [("F16", "<f2"), ("F64", "<f8"), ("I64", "<i8"), ("I32", "<i4"), ("U8", "u1")])
def test_other_types_are_read(tmp_path, kind, dtype):
    want = np.arange(6).astype(dtype).reshape(2, 3)
    header = json.dumps({"x": {"dtype": kind, "shape": [2, 3], "data_offsets": [0, want.nbytes]}}).encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + want.tobytes())
    got = load_safetensors(path)["x"]
    assert got.dtype == want.dtype and (got == want).all()


@pytest.mark.parametrize("name", ["camera-watch", "motion-watch"])
def test_bundled_model_is_read(root, name):
    folder = os.path.join(root, "models", name)
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    tensors = load_safetensors(os.path.join(folder, "model.safetensors"))
    assert tensors["classifier.weight"].shape == (len(config["id2label"]), config["hidden_size"])
    assert all(np.isfinite(t).all() for t in tensors.values())
