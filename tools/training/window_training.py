# SPDX-License-Identifier: MIT
"""The training loop of the bundled models. It makes clips on the fly and writes checkpoints often. A run continues
where it stopped."""

import dataclasses
import math
import os
import sys
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch.utils.data import DataLoader, Dataset

from training.first_filters import set_first_filters
from training.guide import Guide
from reference.model_folder import MEAN, STD, load_folder, normalise, save_folder
from training.muon import Muon
from training.still_batches import still_batches
from training.teacher import Teacher, hold_some
from reference.sta_model import Geometry, VideoClassifier


@dataclasses.dataclass
class Task:
    """What is learnt. maker and test_maker have a method make(number, label=None). It returns (clip [F, S, S, 3] uint8,
    label, motion [F / 2, 6, 6, 6]). counterpart(clip, label, motion, rng) gives another clip that follows from the
    first. pool: ready clips, labels, motions. local: the class can only be told from the places where motion[..., 5] is
    not 0, so a clip of which only some places are shown shows those."""
    labels: list
    maker: object
    test_maker: object
    counterpart: object
    pool: tuple = None
    local: bool = False


class Clips(Dataset):
    """Made clip number i of the run and its counterpart. Some of them come from the pool of clips that went through a
    video codec."""

    def __init__(self, task, begin, end, pool_share=0.0):
        self.task, self.begin, self.end, self.pool_share = task, begin, end, pool_share
        self.pool_from = task.maker.ramp[1] if task.maker.ramp else 0

    def __len__(self):
        return self.end - self.begin

    def __getitem__(self, k):
        """Clips [2, F, S, S, 3] uint8, labels [2], motions [2, P, 36, 6]."""
        index, task = self.begin + k, self.task
        rng = np.random.default_rng([task.maker.seed, 7003, index])
        if task.pool is not None and index > self.pool_from and rng.random() < self.pool_share:
            clips, labels, motions = task.pool
            i = int(rng.integers(len(labels)))
            clip, label, motion = clips[i], int(labels[i]), motions[i]
        else:
            clip, label, motion = task.maker.make(index)
        other, other_label, other_motion = task.counterpart(clip, label, motion, rng)
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


def make_test_set(task, count):
    """Fixed labelled clips, the same number of each class."""
    made = [task.test_maker.make(i, label=i % len(task.labels)) for i in range(count)]
    return torch.from_numpy(np.stack([m[0] for m in made])), torch.tensor([m[1] for m in made])


def begin_with(model, folder):
    """Takes the weights of a model folder. The classifier stays new if the folder has other classes."""
    old = load_folder(folder)[0].state_dict()
    if old["classifier.weight"].shape != model.classifier.weight.shape:
        old = {n: p for n, p in old.items() if not n.startswith("classifier")}
    model.load_state_dict(old, strict=False)


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


def some_places(model, count, share, generator, first=None):
    """Numbers [count, K] of the tokens at a random `share` of the places in the picture, at all times. Places where
    first [count, 36] is above 0.1 go before others."""
    g = model.geometry
    order = torch.rand(count, g.per_step, generator=generator)
    if first is not None:
        order -= (first > 0.1).float()
    places = order.argsort(1)[:, :round(share * g.per_step)]
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


def add_arguments(parser, name, clips):
    """The command line that every training shares."""
    parser.add_argument("--videos", required=True, help="folder of source videos from cameras that stand still")
    parser.add_argument("--images", help="folder of photographs used as further scenes")
    parser.add_argument("--output", default=f"models/{name}", help="model folder to write")
    parser.add_argument("--cache", default="build/camera-watch-cache", help="folder for decoded frames (about 4 GB)")
    parser.add_argument("--checkpoint", default=f"build/{name}.pt", help="state of the run, to continue it")
    parser.add_argument("--clips", type=int, default=clips, help="length of the training, in clips")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--sparse", type=float, default=0.6, help="share of the training that sees half of the tokens only")
    parser.add_argument("--still", type=float, default=0.0, help="share of the batches of whose clips only changing tokens are seen")
    parser.add_argument("--teacher", help="model folder whose answers to the whole clips are learnt beside the labels")
    parser.add_argument("--teacher-weight", type=float, default=2.0)
    parser.add_argument("--guide", type=float, default=1.0, help="weight of the second task, telling the true motion")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenes", type=int, default=120, help="generated scenes beside the footage")
    parser.add_argument("--test-clips", type=int, default=600, help="held-out clips for the progress report")
    parser.add_argument("--save-minutes", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=1, help="threads of the training itself")
    parser.add_argument("--workers", type=int, default=2, help="processes that make clips")
    parser.add_argument("--start", help="model folder whose weights a new run begins with")
    parser.add_argument("--float32", action="store_true", help="do not use bfloat16 arithmetic")
    parser.set_defaults(codec_share=0.0)


def train(args, task):
    """Train as the command line says (see add_arguments) and write the model folder now and then, and at the end."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    model = VideoClassifier(Geometry(classes=len(task.labels)))
    guide = Guide(model.geometry.channels)
    first = [p for n, p in model.named_parameters() if n.startswith("projection")]
    matrices = [p for n, p in model.named_parameters() if p.ndim > 1 and n.startswith("blocks")]
    decay = [p for n, p in model.named_parameters() if p.ndim > 1 and n.startswith("classifier")]
    plain = [p for n, p in model.named_parameters() if p.ndim <= 1 and not n.startswith("projection")]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05, "share": 1.0}, {"params": plain, "weight_decay": 0.0, "share": 1.0},
                                   {"params": first, "weight_decay": 0.0, "share": 0.5}], lr=args.rate, betas=(0.9, 0.98))
    optimizer.add_param_group({"params": list(guide.parameters()), "weight_decay": 0.0, "share": 1.0})
    muon = Muon([{"params": matrices, "share": 1.0}], lr=args.rate)
    done = 0
    os.makedirs(os.path.dirname(args.checkpoint) or ".", exist_ok=True)
    if os.path.exists(args.checkpoint):
        state = torch.load(args.checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        guide.load_state_dict(state["guide"])
        optimizer.load_state_dict(state["optimizer"])
        muon.load_state_dict(state["muon"])
        done = state["done"]
        show(f"continuing after {done} clips\n")
    if args.start and not done:
        begin_with(model, args.start)
    elif not done:
        set_first_filters(model, normalise(torch.from_numpy(np.stack([task.maker.make(10 ** 9 - 1 - i)[0] for i in range(128)]))))
    average = state["average"] if done else {n: p.detach().clone() for n, p in model.named_parameters()}
    test = make_test_set(task, args.test_clips)
    teacher = Teacher(args.teacher) if args.teacher else None
    loader = DataLoader(Clips(task, done // 2, args.clips // 2, args.codec_share), args.batch // 2, num_workers=args.workers, drop_last=True,
                        worker_init_fn=one_thread, prefetch_factor=4 if args.workers else None, persistent_workers=False)
    began, begun_at, losses, guided, hits, last_save = time.time(), done, [], [], [], time.time()

    def save(final=False):
        part = args.checkpoint + ".part"
        torch.save({"model": model.state_dict(), "guide": guide.state_dict(), "optimizer": optimizer.state_dict(), "muon": muon.state_dict(),
                    "average": average, "done": done}, part)
        os.replace(part, args.checkpoint)
        shadow = VideoClassifier(model.geometry)
        with torch.no_grad():
            for n, p in shadow.named_parameters():
                p.copy_(average[n])
        chance = predict(shadow, test[0])
        right = (chance.argmax(1) == test[1]).float()
        recall = [f"{100 * right[test[1] == k].mean():.0f}" for k in range(len(task.labels))]
        show(f"after {done} clips: held-out top-1 {100 * right.mean():.1f} %, recall per class {' '.join(recall)}\n")
        save_folder(args.output, shadow, task.labels, "1/10")

    for clips, labels, motions in loader:
        clips, labels, motions = clips.flatten(0, 1), labels.flatten(), motions.flatten(0, 1)
        for group in optimizer.param_groups + muon.param_groups:
            group["lr"] = group["share"] * learning_rate(done + args.batch, args.clips, args.rate)
        chance = torch.Generator().manual_seed(args.seed * 1000003 + done)
        groups = [(torch.arange(len(labels)), None, None)]
        if done < args.sparse * args.clips:
            # Most of the training sees only some places of each clip. This costs less, and camera motion shows everywhere.
            kept = some_places(model, len(labels), 0.5, chance, motions[..., 5].amax(1) if task.local else None)
            groups = [(groups[0][0], kept, None)]
        elif torch.rand((), generator=chance).item() < args.still:
            if teacher:
                clips, labels = hold_some(clips, labels, chance)
            groups = still_batches(model, clips, chance)
        logits, guidance = torch.zeros(len(labels), len(task.labels)), 0.0
        with torch.autocast("cpu", torch.bfloat16, enabled=not args.float32):
            for numbers, kept, runs in groups:
                tokens = encode(model, clips[numbers], kept)
                mean = tokens.mean(1) if runs is None else (tokens * runs[..., None]).sum(1) / runs.sum(1, keepdim=True)
                pooled = model.fc_norm(mean)
                logits = logits.index_put((numbers,), model.classifier(pooled).float())
                guidance = guidance + guide(tokens, pooled, motions[numbers], kept) * (len(numbers) / len(labels))
        loss = functional.cross_entropy(logits.float(), labels, label_smoothing=0.05) + args.guide * guidance
        if teacher:
            loss = loss + args.teacher_weight * teacher.loss(logits.float(), clips)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        muon.step()
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
