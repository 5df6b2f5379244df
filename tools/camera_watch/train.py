# SPDX-License-Identifier: MIT
"""Training loop of camera-watch: clips are made on the fly, checkpoints are written often, a run continues where it stopped."""

import math
import os
import sys
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch.utils.data import DataLoader, Dataset

from model_folder import MEAN, STD, load_folder, normalise, save_folder
from sta_model import Geometry, VideoClassifier

from . import CLASSES
from .clips import ClipMaker, build_codec_pool
from .first_filters import set_first_filters
from .footage import load_stills, load_videos, make_scenes
from .guide import Guide
from .symmetry import counterpart


class Clips(Dataset):
    """Made clip number i of the run and its counterpart; a part comes from the pool of clips that went through a video codec."""

    def __init__(self, maker, begin, end, pool=None, pool_share=0.0):
        self.maker, self.begin, self.end = maker, begin, end
        self.pool, self.pool_share = pool, pool_share
        self.pool_from = self.maker.ramp[1] if self.maker.ramp else 0

    def __len__(self):
        return self.end - self.begin

    def __getitem__(self, k):
        """Clips [2, F, S, S, 3] uint8, labels [2], motions [2, P, 36, 6]."""
        index = self.begin + k
        rng = np.random.default_rng([self.maker.seed, 7003, index])
        if self.pool is not None and index > self.pool_from and rng.random() < self.pool_share:
            clips, labels, motions = self.pool
            i = int(rng.integers(len(labels)))
            clip, label, motion = clips[i], int(labels[i]), motions[i]
        else:
            clip, label, motion = self.maker.make(index)
        other, other_label, other_motion = counterpart(clip, label, motion, rng)
        return np.stack([clip, other]), np.array([label, other_label]), np.stack([motion, other_motion]).reshape(2, -1, 36, 6)


def one_thread(_):
    cv2.setNumThreads(1)


def show(text):
    """One line that renews itself on a terminal, lines now and then in a log."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
    else:
        sys.stderr.write(text + "\n")
    sys.stderr.flush()


def bar(done, total, width=24):
    filled = width * done // max(total, 1)
    return "[" + "#" * filled + "." * (width - filled) + f"] {done}/{total}"


def make_test_set(args, count):
    """Fixed labelled clips of held-out source videos, the same number of each class."""
    maker = ClipMaker([(1.0, load_videos(args.videos, args.cache, "held-out"))], args.seed + 10 ** 6)
    made = [maker.make(i, label=i % len(CLASSES)) for i in range(count)]
    return torch.from_numpy(np.stack([m[0] for m in made])), torch.tensor([m[1] for m in made])


@torch.no_grad()
def predict(model, clips, batch=64):
    """Class probabilities [n, classes] of clips uint8 [n, F, S, S, 3]."""
    model.eval()
    parts = [model(normalise(clips[i:i + batch])).softmax(1) for i in range(0, len(clips), batch)]
    return torch.cat(parts)


def learning_rate(done, total, peak, warm=1500):
    if done < warm:
        return peak * done / warm
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warm) / (total - warm)))))


def some_places(model, count, share, generator):
    """Numbers [count, K] of the tokens of a random `share` of the places in the picture, at all times."""
    g = model.geometry
    places = torch.rand(count, g.per_step, generator=generator).argsort(1)[:, :round(share * g.per_step)]
    return (torch.arange(g.steps)[None, :, None] * g.per_step + places[:, None]).flatten(1)


def encode(model, clips, kept):
    """Tokens of the last block [B, K, C] of clips uint8 [B, F, S, S, 3]; kept: numbers [B, K] of the tokens to use, None for all."""
    g = model.geometry
    tubelets = model.cut(clips.permute(0, 1, 4, 2, 3))
    positions = model.positions
    if kept is not None:
        tubelets = torch.gather(tubelets, 1, kept[..., None].expand(-1, -1, tubelets.shape[-1]))
        positions = positions[kept]
    mean, std = (torch.tensor(v).repeat_interleave(g.tubelet * g.patch ** 2) * 255 for v in (MEAN, STD))
    return model.encode(model.project((tubelets.float() - mean) / std) + positions)


def train(args):
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    model = VideoClassifier(Geometry())
    guide = Guide(model.geometry.channels)
    first = [p for n, p in model.named_parameters() if n.startswith("projection")]
    decay = [p for n, p in model.named_parameters() if p.ndim > 1 and not n.startswith("projection")]
    plain = [p for n, p in model.named_parameters() if p.ndim <= 1 and not n.startswith("projection")]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05, "share": 1.0}, {"params": plain, "weight_decay": 0.0, "share": 1.0},
                                   {"params": first, "weight_decay": 0.0, "share": 0.5}], lr=args.rate, betas=(0.9, 0.98))
    optimizer.add_param_group({"params": list(guide.parameters()), "weight_decay": 0.0, "share": 1.0})
    done = 0
    os.makedirs(os.path.dirname(args.checkpoint) or ".", exist_ok=True)
    if os.path.exists(args.checkpoint):
        state = torch.load(args.checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        guide.load_state_dict(state["guide"])
        optimizer.load_state_dict(state["optimizer"])
        done = state["done"]
        show(f"continuing after {done} clips\n")
    groups = [(0.55, load_videos(args.videos, args.cache, "train")), (0.25, load_stills(args.images)), (0.2, make_scenes(args.scenes, args.seed))]
    maker = ClipMaker(groups, args.seed, ramp=(args.clips * 0.04, args.clips * 0.2, 0.85))
    pool = build_codec_pool(maker, args.codec_clips, args.cache, lambda i, n: show("codec clips " + bar(i, n))) if args.codec_clips else None
    if args.start and not done:
        model.load_state_dict(load_folder(args.start)[0].state_dict())
    elif not done:
        set_first_filters(model, normalise(torch.from_numpy(np.stack([maker.make(10 ** 9 - 1 - i)[0] for i in range(128)]))))
    average = state["average"] if done else {n: p.detach().clone() for n, p in model.named_parameters()}
    test = make_test_set(args, args.test_clips)
    loader = DataLoader(Clips(maker, done // 2, args.clips // 2, pool, args.codec_share), args.batch // 2, num_workers=args.workers, drop_last=True,
                        worker_init_fn=one_thread, prefetch_factor=4 if args.workers else None, persistent_workers=False)
    began, begun_at, losses, guided, hits, last_save = time.time(), done, [], [], [], time.time()

    def save(final=False):
        part = args.checkpoint + ".part"
        torch.save({"model": model.state_dict(), "guide": guide.state_dict(), "optimizer": optimizer.state_dict(), "average": average, "done": done}, part)
        os.replace(part, args.checkpoint)
        shadow = VideoClassifier(model.geometry)
        with torch.no_grad():
            for n, p in shadow.named_parameters():
                p.copy_(average[n])
        chance = predict(shadow, test[0])
        right = (chance.argmax(1) == test[1]).float()
        recall = [f"{100 * right[test[1] == k].mean():.0f}" for k in range(len(CLASSES))]
        show(f"after {done} clips: held-out top-1 {100 * right.mean():.1f} %, recall per class {' '.join(recall)}\n")
        save_folder(args.output, shadow, CLASSES, "1/10")

    for clips, labels, motions in loader:
        clips, labels, motions = clips.flatten(0, 1), labels.flatten(), motions.flatten(0, 1)
        for group in optimizer.param_groups:
            group["lr"] = group["share"] * learning_rate(done + args.batch, args.clips, args.rate)
        # Most of the training sees some places of each clip only: camera motion shows everywhere, and it costs less.
        kept = None
        if done < args.sparse * args.clips:
            kept = some_places(model, len(labels), 0.5, torch.Generator().manual_seed(args.seed * 1000003 + done))
        with torch.autocast("cpu", torch.bfloat16, enabled=not args.float32):
            tokens = encode(model, clips, kept)
            pooled = model.fc_norm(tokens.mean(1))
            logits = model.classifier(pooled)
            guidance = guide(tokens, pooled, motions, kept)
        loss = functional.cross_entropy(logits.float(), labels, label_smoothing=0.05) + args.guide * guidance
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        done += len(labels)
        keep = min(0.995, 1 - 1 / (1 + (done / args.batch) * 0.2))
        with torch.no_grad():
            for n, p in model.named_parameters():
                average[n].lerp_(p, 1 - keep)
        losses.append((loss - args.guide * guidance).item())
        guided.append(guidance.item())
        hits.append((logits.argmax(1) == labels).float().mean().item())
        if len(losses) % 50 == 0:
            speed = (done - begun_at) / (time.time() - began)
            show(f"{bar(done, args.clips)} loss {np.mean(losses[-50:]):.3f} guide {np.mean(guided[-50:]):.3f} top-1 {100 * np.mean(hits[-50:]):.1f} % "
                 f"{speed:.0f} clips/s, {(args.clips - done) / speed / 60:.0f} min left")
        if time.time() - last_save > 60 * args.save_minutes:
            save()
            last_save = time.time()
    save()
