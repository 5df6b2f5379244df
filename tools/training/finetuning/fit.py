# SPDX-License-Identifier: MIT
"""Fits a model folder to segments, and measures it on groups that it did not see."""

import copy
import math

import cv2
import numpy as np
import torch
import torch.nn.functional as functional

from reference.model_folder import load_folder, normalise
from reference.sta_model import VideoClassifier


def middle_crop(side):
    def cut(stack):
        h, w = stack.shape[1:3]
        scale = side / min(h, w)
        resized = np.stack([cv2.resize(p, (max(side, round(w * scale)), max(side, round(h * scale))), interpolation=cv2.INTER_AREA) for p in stack])
        top, left = (resized.shape[1] - side) // 2, (resized.shape[2] - side) // 2
        return resized[:, top:top + side, left:left + side]
    return cut


def varied_crop(side, rng, mirror):
    """One place and size for the whole window. Exposure and colour vary; the window may be mirrored."""
    def cut(stack):
        h, w = stack.shape[1:3]
        size = int(min(h, w) * rng.uniform(0.75, 1.0))
        wide = min(w, int(size * rng.uniform(0.9, 1.1)))
        top, left = int(rng.integers(0, h - size + 1)), int(rng.integers(0, w - wide + 1))
        out = np.stack([cv2.resize(p[top:top + size, left:left + wide], (side, side), interpolation=cv2.INTER_AREA) for p in stack])
        table = np.clip(255 * np.exp(rng.normal(0, 0.15)) * np.linspace(0, 1, 256)[:, None] ** np.exp(rng.normal(0, 0.2))
                        * np.exp(rng.normal(0, 0.06, 3)), 0, 255).astype(np.uint8)
        out = np.stack([cv2.LUT(p, table[None]) for p in out])
        return np.ascontiguousarray(out[:, :, ::-1]) if mirror and rng.random() < 0.5 else out
    return cut


def new_model(folder, labels, seed):
    """The folder's model with a new classifier for `labels`. A folder that has the same labels keeps its classifier."""
    old, old_labels, interval = load_folder(folder)
    if interval is None:
        interval = 4 / 30  # VideoMAE's Kinetics models: every fourth picture of 30 a second
    if old_labels == labels:
        return old, interval
    torch.manual_seed(seed)
    geometry = copy.copy(old.geometry)
    geometry.classes = len(labels)
    model = VideoClassifier(geometry)
    model.load_state_dict({n: p for n, p in old.state_dict().items() if not n.startswith("classifier")}, strict=False)
    with torch.no_grad():
        model.classifier.weight.mul_(0.01)
    return model, interval


def pick_start(footage, rng):
    """Start of a training window: at least 60 % of it lies in the segment, or the whole segment lies in it."""
    s, span = footage.segment, footage.span
    length = footage.end - s.start
    if length >= span:
        slack = 0.4 * span
        return max(0.0, rng.uniform(s.start - slack, footage.end - span + slack))
    shared = min(length, 0.6 * span)
    return max(0.0, rng.uniform(s.start + shared - span, footage.end - shared))


def fit(folder, footages, labels, args, report=lambda text: None):
    """A model trained on `footages` (a list of Footage). Classes are drawn equally often."""
    model, _ = new_model(folder, labels, args.seed)
    model.train()
    rng = np.random.default_rng(args.seed)
    side, steps = model.geometry.image, args.steps
    body = [p for n, p in model.named_parameters() if not n.startswith(("classifier", "fc_norm"))]
    head = [p for n, p in model.named_parameters() if n.startswith(("classifier", "fc_norm"))]
    optimizer = torch.optim.AdamW([{"params": body, "share": args.body_rate}, {"params": head, "share": 1.0}], lr=args.rate, weight_decay=0.05)
    by_class = [[f for f in footages if f.segment.label == label] for label in labels]
    present = [k for k, group in enumerate(by_class) if group]
    for step in range(steps):
        numbers = [present[int(rng.integers(len(present)))] for _ in range(args.batch)]
        chosen = [by_class[k][int(rng.integers(len(by_class[k])))] for k in numbers]
        clips = np.stack([f.window(pick_start(f, rng), varied_crop(side, rng, not args.no_mirror)) for f in chosen])
        warm = min(1.0, (step + 1) / max(1, 0.05 * steps))
        for group in optimizer.param_groups:
            group["lr"] = args.rate * group["share"] * warm * 0.5 * (1 + math.cos(math.pi * step / steps))
        logits = model(normalise(torch.from_numpy(clips)))
        loss = functional.cross_entropy(logits, torch.tensor(numbers), label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 10 == 9:
            report(f"step {step + 1}/{steps} loss {loss.item():.3f}")
    return model.eval()


@torch.no_grad()
def predict(model, footages, labels, hop):
    """(true class, predicted class, group) of every segment: the probabilities of its windows averaged."""
    crop, rows = middle_crop(model.geometry.image), []
    for f in footages:
        clips = torch.from_numpy(np.stack([f.window(s, crop) for s in f.starts(hop)]))
        chance = torch.cat([model(normalise(clips[i:i + 16])).softmax(1) for i in range(0, len(clips), 16)]).mean(0)
        rows.append((labels.index(f.segment.label), int(chance.argmax()), f.segment.group))
    return rows
