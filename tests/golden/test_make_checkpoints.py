#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# make_checkpoints.py: its generator gives the numbers that generator_check.json knows, a frame and its file give each
# other exactly, making twice gives the same bytes, the build's files are those that the frames name, and what is wrong
# with a frame is one sentence. Usage: test_make_checkpoints.py MADE
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the source tree stays as it is
HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "make_checkpoints.py")
sys.path.insert(0, HERE)
import make_checkpoints as script  # noqa: E402

MADE = sys.argv[1]


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def run(*args, status=0):
    done = subprocess.run([sys.executable, SCRIPT, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, (args, done.returncode, done.stdout[:1000], done.stderr)
    return done


def contents(folder):
    """{relative path: bytes} of the folders that are made."""
    return {os.path.relpath(os.path.join(top, name), folder): read(top, name)
            for part in script.FOLDERS for top, _, names in os.walk(os.path.join(folder, part)) for name in names}


def unpacked(frame):
    """zlib may compress the same bytes in more than one way."""
    return {**frame, "rest": script.zlib.decompress(script.base64.b64decode("".join(frame["rest"])))}


def check_generator():
    vit, swin = json.loads(read(HERE, "generator_check.json")), json.loads(read(HERE, "videoswin/generator_check.json"))
    for name, value in vit["fnv1a64"].items():
        assert script.seed_of(name, 0) == int(value, 16), name
    known = [(e["name"], e["shape"], e["seed"], int(e["word_sum"], 16)) for model in ("tiny", "micro") for e in vit["tensors"][model]]
    known += [(name, e["shape"], swin[model]["weight_seed"], e["word_sum"]) for model in ("nano", "micro_w8", "micro_w16") for name, e in swin[model]["values"].items()]
    known = [k for k in known if k[0] not in ("clip", "scene")]
    assert len(known) > 120, len(known)
    for name, shape, seed, word_sum in known:
        data = script.weight(name, shape, seed)
        assert sum(struct.unpack(f"<{len(data) // 4}I", data)) % 2**64 == word_sum, (name, seed)
    shapes = {name: tuple(shape) for name, shape, seed, _ in known if seed == 1}
    assert shapes == script.MODELS["vit-micro"], shapes.keys() ^ script.MODELS["vit-micro"].keys()
    assert len(script.MODELS["swin-nano"]) == swin["nano"]["tensors"]
    assert sum(script.math.prod(shape) for shape in script.MODELS["swin-nano"].values()) == swin["nano"]["parameters"]


def check_frames():
    """Each frame is that of its made file; the SHA-256 of the original is in it."""
    kept, files = contents(HERE), contents(MADE)
    frames = {path[:-len(script.SUFFIX)]: json.loads(data) for path, data in kept.items() if path.endswith(script.SUFFIX)}
    assert len(frames) == 10, frames.keys()
    assert files.keys() == {path.removesuffix(script.SUFFIX) for path in kept}, files.keys()
    for path, data in files.items():
        if path in frames:
            assert hashlib.sha256(data).hexdigest() == frames[path]["sha256"], path
            again = json.loads(run("frame", os.path.join(MADE, path), frames[path]["model"], str(frames[path]["seed"])).stdout)
            assert unpacked(again) == unpacked(frames[path]), path
        else:
            assert data == kept[path], path
    assert contents(HERE) == kept, "the frames were changed by their use"


def check_twice(folder):
    for out in ("once", "twice"):
        run("make", HERE, os.path.join(folder, out))
    once = contents(os.path.join(folder, "once"))
    assert once == contents(os.path.join(folder, "twice")) and once == contents(MADE)


def check_depfile(folder):
    stamp, depfile = os.path.join(folder, "a stamp"), os.path.join(folder, "d")
    run("make", HERE, os.path.join(folder, "out"), stamp, depfile)
    target, _, sources = read(depfile).decode().partition(":")
    assert target == stamp.replace(" ", "\\ ") and os.path.exists(stamp)
    sources = sources.replace("\\\n", "").split()
    for wanted in ("checkpoints", "checkpoints/micro_mmaction.pth.frame", "videoswin/weights/nano.safetensors.frame", "checkpoints/micro_hf/config.json"):
        assert os.path.join(HERE, wanted) in sources or " " in HERE, (wanted, sources)


def check_errors(folder):
    golden, out = os.path.join(folder, "golden"), os.path.join(folder, "broken")
    os.makedirs(os.path.join(golden, "checkpoints"))
    path = os.path.join(golden, "checkpoints/f.frame")
    shutil.copy(os.path.join(HERE, "checkpoints/micro_canonical.safetensors.frame"), path)
    good = json.loads(read(path))

    def refused(text, **changes):
        frame = {**good, **changes}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({key: value for key, value in frame.items() if value is not None}, file)
        stderr = run("make", golden, out, status=1).stderr
        assert stderr.startswith(f"make_checkpoints.py: {path}: ") and stderr.count("\n") == 1 and text in stderr, stderr
        assert not os.path.exists(os.path.join(out, "checkpoints/f"))

    refused("SHA-256 differs", seed=2)
    refused("SHA-256 differs", pieces=good["pieces"][:-1])
    refused("no model vit-huge: vit-tiny", model="vit-huge")
    refused("no weight blocks.9.x", pieces=["f32 blocks.9.x"])
    refused("'f64 head.bias' is none of", pieces=["f64 head.bias"])
    refused("'pieces' is missing", pieces=None)
    refused("", rest=["AAAA"])
    with open(path, "w", encoding="utf-8") as file:
        file.write("{")
    assert path in run("make", golden, out, status=1).stderr
    other = os.path.join(MADE, "checkpoints/tiny_hf_qkv_bias/model.safetensors")
    assert "patch_embed.proj.weight is not in the file" in run("frame", other, "vit-micro", "1", status=1).stderr
    assert run("frame", "/nonexistent", "vit-micro", "1", status=1).stderr.count("\n") == 1
    assert "make GOLDEN OUT" in run(status=1).stderr


check_generator()
check_frames()
with tempfile.TemporaryDirectory() as temporary:
    check_twice(temporary)
    check_depfile(temporary)
    check_errors(temporary)
