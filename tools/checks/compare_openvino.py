#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares a model's speed here, in OpenVINO and in PyTorch, with the same weights and the same pruning.

    tools/checks/compare_openvino.py MODEL [--drop-numbers 0,64]

MODEL: a folder of a VideoMAE model, or vit_small, vit_base or vit_large, which get random weights. The model is
converted to OpenVINO with the pruning inside. First one clip goes through all of them: the tokens they keep must be the
same, and the logits near. Then they are timed in turns, so that whatever else the machine does falls on all alike. The
last lines are a table in Markdown: medians, and each time divided by that of `sta bench`.

Needs PyTorch and OpenVINO (pip install torch openvino). --compile adds torch.compile, which needs a C++ compiler.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
import torch.nn.functional as functional

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from reference.model_folder import load_folder, save_folder  # noqa: E402
from reference.safetensors import load_safetensors, save_safetensors  # noqa: E402
from reference.sta_model import Geometry, VideoClassifier  # noqa: E402
from reference.sta_prune import pruner  # noqa: E402

ARCHITECTURES = {"vit_small": (384, 12, 6, 1536), "vit_base": (768, 12, 12, 3072), "vit_large": (1024, 24, 16, 4096)}


class FusedBlock(torch.nn.Module):
    """A block of the reference with the products and the attention that each library has fused: one product for q, k
    and v, and its own scaled_dot_product_attention."""

    def __init__(self, block):
        super().__init__()
        self.block = block
        c = block.query.in_features
        self.qkv = torch.nn.Linear(c, 3 * c)
        with torch.no_grad():
            self.qkv.weight.copy_(torch.cat([block.query.weight, block.key.weight, block.value.weight]))
            self.qkv.bias.copy_(torch.cat([block.q_bias, torch.zeros(c), block.v_bias]))

    def forward(self, x):
        b, n, c = x.shape
        block = self.block
        q, k, v = self.qkv(block.layernorm_before(x)).view(b, n, 3, block.heads, c // block.heads).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v)
        x = x + block.attention_output(y.transpose(1, 2).reshape(b, n, c))
        x = x + block.output(functional.gelu(block.intermediate(block.layernorm_after(x))))
        return x, k.mean(1)


class Pruned(torch.nn.Module):
    """The model with pruning inside: a clip [1, F, 3, S, S] -> (logits, kept tokens of each call [1, T, N - r])."""

    def __init__(self, model, r):
        super().__init__()
        self.model, self.r = model, r
        self.blocks = torch.nn.ModuleList(FusedBlock(block) for block in model.blocks)

    def forward(self, clip):
        model, kept = self.model, []
        prune = pruner(model.geometry, self.r, record=kept)
        x = model.project(model.cut(clip)) + model.positions
        for i, block in enumerate(self.blocks):
            x, keys = block(x)
            x = prune(x, keys, i)
        return (model.classifier(model.fc_norm(x.mean(1))), *kept)


def random_model(name, folder):
    channels, depth, heads, hidden = ARCHITECTURES[name]
    torch.manual_seed(1)
    model = VideoClassifier(Geometry(channels, depth, heads, hidden, 224, classes=400))
    save_folder(folder, model, [str(i) for i in range(400)], "1/10")


def same_tokens(one, other):
    """Share of the kept tokens [1, T, K] that both have, whatever their order."""
    return np.mean([len(np.intersect1d(a, b)) / len(a) for a, b in zip(one[0], other[0])])


class Sta:
    """`sta bench`, one process for each turn: its own median of a few runs."""

    def __init__(self, args, folder, r):
        self.command = [args.sta, "bench", folder, "--drop-number", str(r), "--runs", "3", "--warmup", "1", "--json",
                        "--threads", str(args.threads), "--device", "cpu", "--precision", "fp32"]

    def turn(self):
        line = subprocess.run(self.command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
        return [1000 * json.loads(line)["seconds"]]


class Called:
    """A function of a clip."""

    def __init__(self, call, clip):
        self.call, self.clip = call, clip
        call(clip)

    def turn(self, runs=3):
        times = []
        for run in range(runs + 1):
            begun = time.perf_counter()
            self.call(self.clip)
            if run:  # the first warms the caches that the other libraries have cooled
                times.append(1000 * (time.perf_counter() - begun))
        return [statistics.median(times)]


def check(args, folder, module, compiled, clip, r):
    """Whether all keep the same tokens; prints how far they agree."""
    with torch.inference_mode():
        logits, *kept = (t.numpy() for t in module(clip))
    theirs = [np.asarray(v) for v in compiled(clip.numpy()).values()]
    with tempfile.TemporaryDirectory() as work:
        given, told = os.path.join(work, "clip.safetensors"), os.path.join(work, "told.safetensors")
        save_safetensors(given, {"clip": np.ascontiguousarray(clip[0].numpy().transpose(1, 0, 2, 3))}, {})
        subprocess.run([args.sta, "run", folder, "--clip", given, "--dump", told, "--drop-number", str(r), "--precision", "fp32"], check=True, stdout=subprocess.DEVNULL)
        ours = load_safetensors(told)
    shares = [same_tokens(a, b) for a, b in zip(kept, theirs[1:])]
    mine = np.abs(ours["logits"].reshape(-1) - logits.reshape(-1)).max()
    other = np.abs(theirs[0].reshape(-1) - logits.reshape(-1)).max()
    print(f"r {r}: kept tokens OpenVINO has in common with PyTorch, by call: {', '.join(f'{100 * s:.2f} %' for s in shares) or 'none dropped'}; "
          f"logits differ from PyTorch's by {mine:.1e} here, {other:.1e} in OpenVINO")
    return mine < 1e-2 and all(s > 0.98 for s in shares)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--sta", default="build/apps/sta")
    parser.add_argument("--drop-numbers", default="0,64")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each; a turn is the median of three passes")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--compile", action="store_true", help="torch.compile too")
    args = parser.parse_args()
    import openvino
    torch.set_num_threads(args.threads)
    good, rows = True, []
    with tempfile.TemporaryDirectory() as work:
        folder = args.model
        if folder in ARCHITECTURES:
            folder = os.path.join(work, args.model)
            random_model(args.model, folder)
        model = load_folder(folder)[0]
        g = model.geometry
        torch.manual_seed(2)
        clip = torch.randn(1, g.frames, 3, g.image, g.image)
        for r in (int(n) for n in args.drop_numbers.split(",")):
            module = Pruned(model, r).eval()
            with torch.inference_mode():
                converted = openvino.convert_model(module, example_input=clip, input=[list(clip.shape)])
            compiled = openvino.Core().compile_model(converted, "CPU", {
                "INFERENCE_NUM_THREADS": args.threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})
            good &= check(args, folder, module, compiled, clip, r)

            @torch.inference_mode()
            def eager(clip, module=module):
                module(clip)

            runners = {"sta": Sta(args, folder, r), "OpenVINO": Called(lambda clip, c=compiled: c(clip.numpy()), clip), "PyTorch": Called(eager, clip)}
            if args.compile:
                fast = torch.compile(module)
                runners["torch.compile"] = Called(torch.inference_mode()(lambda clip, f=fast: f(clip)), clip)
            times = {name: [] for name in runners}
            for _ in range(args.rounds):
                for name, runner in runners.items():
                    times[name] += runner.turn()
            rows.append((r, {name: statistics.median(t) for name, t in times.items()}))
    names = list(rows[0][1])
    print(f"\n{args.model}, fp32, batch 1, {args.threads} threads, OpenVINO {openvino.__version__.split('-')[0]}, PyTorch {torch.__version__}: ms (by sta's)\n")
    print("| r | " + " | ".join(names) + " | sta of OpenVINO's |")
    print("|" + "---|" * (len(names) + 2))
    for r, ms in rows:
        print(f"| {r} | " + " | ".join(f"{ms[n]:.0f} ({ms[n] / ms['sta']:.2f})" for n in names) + f" | {ms['sta'] / ms['OpenVINO']:.2f} |")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
