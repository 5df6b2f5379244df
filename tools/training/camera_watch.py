# SPDX-License-Identifier: MIT
"""The training material of camera-watch: real footage, photographs and generated scenes, moved by known camera
paths."""

from training.window_training import Task, bar, show

from clips.camera_watch import CLASSES
from clips.camera_watch.clips import ClipMaker, Variety, build_codec_pool
from clips.camera_watch.footage import load_stills, load_videos, make_rooms, make_scenes
from clips.camera_watch.people import cut_people
from clips.camera_watch.symmetry import counterpart


def read_shares(text):
    """{class: how many times as often} from "shake=1.6,covered=1.4"."""
    shares = {}
    for part in filter(None, text.split(",")):
        name, _, times = part.partition("=")
        try:
            shares[name] = float(times)
        except ValueError:
            raise SystemExit(f"--oftener {part}: not CLASS=NUMBER") from None
        if name not in CLASSES[1:] or not 0 < shares[name] < 100:
            raise SystemExit(f"--oftener {part}: CLASS is one of {', '.join(CLASSES[1:])}, NUMBER above 0 and below 100 (--steady-share is for steady)")
    return shares


def make_task(args):
    """The task as the command line describes it; decodes the videos and builds the pool of codec clips on the first call."""
    oftener = read_shares(args.oftener)
    videos = load_videos(args.videos, args.cache, "train")
    groups = [(0.45, videos), (0.18, load_stills(args.images)), (0.15, make_scenes(args.scenes, args.seed)),
              (0.22, make_rooms(args.rooms, args.seed, args.cache))]
    variety = Variety(cut_people(videos, args.cache, upright=False), pace=(0.75, 1.9), begins=0.8, any_way=0.35, walls=0.5, soft=0.4,
                      soft_steady=0.7, whole=0.25, oftener=oftener)
    maker = ClipMaker(groups, args.seed, args.steady_share, (args.clips * 0.04, args.clips * 0.2, 0.8), variety)
    pool = build_codec_pool(maker, args.codec_clips, args.cache, lambda i, n: show("codec clips " + bar(i, n))) if args.codec_clips else None
    test_maker = ClipMaker([(1.0, load_videos(args.videos, args.cache, "held-out"))], args.seed + 10 ** 6)
    return Task(CLASSES, maker, test_maker, counterpart, pool)
