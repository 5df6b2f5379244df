# SPDX-License-Identifier: MIT
"""Measures a camera-watch folder on held-out source videos: moved clips, still footage with people, and motion made by
ffmpeg."""

import json
import os
import sys
import tempfile

import numpy as np
import torch

from reference.model_folder import load_folder, normalise
from evaluation.scores import confusion, confusion_table, interval95

from clips.camera_watch import CLASSES, FRAMES, INTERVAL, held_out
from clips.camera_watch.clips import ClipMaker
from clips.camera_watch.ffmpeg_motion import SECONDS, make_clip
from clips.camera_watch.footage import VIDEO_TYPES, list_files, load_videos
from clips.camera_watch.windows import probe, samples, windows

UNSEEN_ROOMS = ("S4_", "one-by-one")  # held-out videos whose rooms no training video shows


@torch.no_grad()
def probabilities(model, clips, batch=32):
    """[n, classes] of clips uint8 [n, F, S, S, 3]."""
    return torch.cat([model(normalise(clips[i:i + batch])).softmax(1) for i in range(0, len(clips), batch)])


def summary(table):
    """Top-1 with its interval and the recall of each class, from a confusion matrix."""
    right, count = int(np.trace(table)), int(table.sum())
    low, high = interval95(right, count)
    recall = {name: float(table[i, i] / table[i].sum()) for i, name in enumerate(CLASSES) if table[i].sum()}
    return {"clips": count, "top1": right / count, "top1_low": low, "top1_high": high, "recall": recall, "confusion": table.tolist()}


PLAIN = (10 ** 8, 10 ** 9, 1.0)  # a Maker's ramp that has not begun: regular frame times, distinct motion, no noise, night or artefacts


def moved_clips(model, args, count, ramp=None):
    """Clips moved by the training code's own virtual camera, the same number of each class, by room."""
    videos = load_videos(args.videos, args.cache, "held-out")
    new = [v for v in videos if v.name.startswith(UNSEEN_ROOMS)]
    known = [v for v in videos if not v.name.startswith(UNSEEN_ROOMS)]
    result = {}
    total = np.zeros((len(CLASSES), len(CLASSES)), int)
    for name, group, seed in (("unseen rooms", new, 1), ("known rooms", known, 2)):
        if not group:
            continue
        maker = ClipMaker([(1.0, group)], args.seed + 2 * 10 ** 6 + seed, ramp=ramp)
        truth, guess = [], []
        for begin in range(0, count // 2, 96):
            made = [maker.make(i, label=i % len(CLASSES)) for i in range(begin, min(begin + 96, count // 2))]
            chance = probabilities(model, torch.from_numpy(np.stack([m[0] for m in made])))
            truth += [m[1] for m in made]
            guess += chance.argmax(1).tolist()
            report(f"moved clips, {name}: {len(truth)}/{count // 2}")
        table = confusion(truth, guess, len(CLASSES))
        total += table
        result[name] = summary(table)
    result["all"] = summary(total)
    return result


def still_footage(model, args):
    """Untouched held-out videos, every window at a hop of two samples: how often the model claims something else than
    steady."""
    result, sums = {}, {"windows": 0, "not_steady": 0, "alarms": 0}
    for path in list_files(args.videos, VIDEO_TYPES):
        if not held_out(path):
            continue
        clips = windows(samples(path), 2)
        if not len(clips):
            continue
        chance = probabilities(model, clips)
        best, guess = chance.max(1)
        wrong = guess != 0
        entry = {"windows": len(clips), "not_steady": int(wrong.sum()), "alarms": int((wrong & (best >= args.threshold)).sum())}
        labels = [CLASSES[g] for g in guess[wrong].tolist()]
        if labels:
            entry["claimed"] = {name: labels.count(name) for name in sorted(set(labels))}
        result[os.path.basename(path)] = entry
        for key in sums:
            sums[key] += entry[key]
        report(f"still footage: {os.path.basename(path)}")
    sums["alarm_share"] = sums["alarms"] / max(1, sums["windows"])
    return {"threshold": args.threshold, **sums, "videos": result}


def ffmpeg_clips(model, args):
    """Clips moved, hidden or blurred by ffmpeg's filters; one window each."""
    sources = [p for p in list_files(args.videos, VIDEO_TYPES) if held_out(p)]
    known = [(p, *probe(p)) for p in sources]
    truth, guess, wrong = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(args.ffmpeg_clips):
            rng = np.random.default_rng([args.seed, 7004, i])
            label = CLASSES[i % len(CLASSES)]
            path, w, h, times = known[int(rng.integers(len(known)))]
            start = rng.uniform(0, max(0.01, times[-1] - SECONDS - 0.4))
            out = os.path.join(folder, f"{i}.mp4")
            make_clip(path, start, (w, h), label, rng, out)
            pictures = samples(out)
            if len(pictures) < FRAMES:  # footage that ends early holds its last picture
                pictures = torch.cat([pictures, pictures[-1:].expand(FRAMES - len(pictures), -1, -1, -1)])
            chance = probabilities(model, pictures[None, :FRAMES])[0]
            truth.append(i % len(CLASSES))
            guess.append(int(chance.argmax()))
            if guess[-1] != truth[-1]:
                wrong.append(f"{i} {os.path.basename(path)} {label} taken for {CLASSES[guess[-1]]} ({chance.max():.2f})")
            if args.keep and guess[-1] != truth[-1]:
                os.makedirs(args.keep, exist_ok=True)
                os.replace(out, os.path.join(args.keep, f"{i}-{label}-{CLASSES[guess[-1]]}.mp4"))
            else:
                os.remove(out)
            if i % 12 == 11:
                report(f"ffmpeg clips: {i + 1}/{args.ffmpeg_clips}")
    return {**summary(confusion(truth, guess, len(CLASSES))), "errors": wrong}


def report(text):
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
        sys.stderr.flush()


SHORT = ["stdy", "panL", "panR", "tltU", "tltD", "zmIn", "zmOut", "rolC", "rolCC", "shke", "cvrd", "dfoc"]


def print_results(results):
    for part, heading in (("moved", "Clips moved by the virtual camera"), ("plain", "The same with regular frame times, distinct motion and a clear sight"),
                          ("ffmpeg", "Clips made by ffmpeg's filters")):
        if part not in results:
            continue
        groups = results[part] if part != "ffmpeg" else {"all": results[part]}
        print(f"\n### {heading}\n")
        for name, r in groups.items():
            print(f"* {name}: {r['clips']} clips, top-1 {100 * r['top1']:.2f} % (95 % interval {100 * r['top1_low']:.1f} to {100 * r['top1_high']:.1f})")
        r = groups["all"]
        print("* recall: " + ", ".join(f"{n} {100 * v:.1f} %" for n, v in r["recall"].items()) + "\n")
        print(confusion_table(CLASSES, r["confusion"], SHORT))
        for line in r.get("errors", []):
            print("  - " + line)
    if "still" in results:
        r = results["still"]
        low, high = interval95(r["alarms"], r["windows"])
        print(f"\n### Untouched footage of still cameras\n\n* {r['windows']} windows, {r['not_steady']} not called steady, {r['alarms']} alarms at threshold "
              f"{r['threshold']}: {100 * r['alarm_share']:.2f} % (95 % interval {100 * low:.2f} to {100 * high:.2f})")
        worst = max(r["videos"], key=lambda name: r["videos"][name]["alarms"])
        count, alarms = (r[key] - r["videos"][worst][key] for key in ("windows", "alarms"))
        print(f"* without {worst}: {alarms} alarms in {count} windows, {100 * alarms / max(1, count):.2f} %")
        for name, e in r["videos"].items():
            print(f"  - {name}: {e['windows']} windows, {e['not_steady']} not steady, {e['alarms']} alarms {e.get('claimed', '')}")


def evaluate(args):
    torch.set_num_threads(args.threads)
    model, labels, interval = load_folder(args.model)
    if labels != CLASSES or abs(interval - INTERVAL) > 1e-9:
        raise SystemExit(f"{args.model}: not a camera-watch folder")
    results = {}
    if "moved" in args.parts:
        results["moved"] = moved_clips(model, args, args.clips)
    if "plain" in args.parts:
        results["plain"] = moved_clips(model, args, args.clips // 2, PLAIN)
    if "still" in args.parts:
        results["still"] = still_footage(model, args)
    if "ffmpeg" in args.parts:
        results["ffmpeg"] = ffmpeg_clips(model, args)
    report("")
    print_results(results)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
