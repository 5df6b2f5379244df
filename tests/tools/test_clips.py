# SPDX-License-Identifier: MIT
"""Tests the makers of clips. A clip depends only on the seed and its number, shows what its label says, and its mirror
images have the right labels."""

import numpy as np
import pytest
from clips import camera_watch, motion_watch
from clips.camera_watch import symmetry as camera_symmetry
from clips.camera_watch.clips import ClipMaker as CameraMaker
from clips.camera_watch.clips import Variety
from clips.camera_watch.footage import make_scenes
from clips.camera_watch.rooms import procedural_room
from clips.motion_watch import symmetry as motion_symmetry
from clips.motion_watch.clips import ClipMaker as MotionMaker

SCENES = make_scenes(3, 11)
MAKERS = {"camera": (lambda seed, **more: CameraMaker([(1.0, SCENES)], seed, **more), camera_watch.CLASSES),
          "motion": (lambda seed, **more: MotionMaker([(1.0, SCENES)], (), seed, **more), motion_watch.CLASSES)}
# ramp: clips below number 1000 are plain ones.
PLAIN = (1000, 2000, 0.8)


def same(a, b):
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip((a[0], a[2]), (b[0], b[2]))) and a[1] == b[1]


@pytest.mark.parametrize("kind", MAKERS)
def test_same_seed_same_bits(kind):
    make, _ = MAKERS[kind]
    first, second = make(5), make(5)
    assert same(first.make(3), second.make(3))
    second.make(4)  # clips made before do not matter
    assert same(first.make(7), second.make(7))


@pytest.mark.parametrize("kind", MAKERS)
def test_other_seed_or_number_other_clip(kind):
    make, _ = MAKERS[kind]
    clip = make(5).make(3, label=1)[0]
    assert not np.array_equal(clip, make(6).make(3, label=1)[0])
    assert not np.array_equal(clip, make(5).make(4, label=1)[0])


@pytest.mark.parametrize("kind", MAKERS)
def test_every_class_has_the_models_shape(kind):
    make, classes = MAKERS[kind]
    maker = make(2, ramp=PLAIN)
    for number in range(len(classes)):
        clip, label, motion = maker.make(number, label=number)
        assert clip.shape == (camera_watch.FRAMES, camera_watch.SIDE, camera_watch.SIDE, 3) and clip.dtype == np.uint8
        assert label == number and motion.shape == (camera_watch.FRAMES // 2, 6, 6, 6)


def test_variety_is_only_added():
    """The clips that figures were measured on must stay as they are: with no share set, no bit changes."""
    plain, spelled = CameraMaker([(1.0, SCENES)], 5), CameraMaker([(1.0, SCENES)], 5, variety=Variety(soft=0.0, walls=0.0, any_way=0.0))
    assert all(same(plain.make(i), spelled.make(i)) for i in range(3))


def told_by(motion):
    """The camera's class that a true motion [P, 6, 6, 6] shows, among pans, tilts, zooms and rolls."""
    moves = np.nanmean(motion[..., :2], axis=0)  # [6 rows, 6 columns, xy]: how the picture's content moves
    places = (np.arange(6) + 0.5) / 6 - 0.5
    v, u = np.meshgrid(places, places, indexing="ij")
    x, y = moves[..., 0], moves[..., 1]
    strength = {"pan-left": x.mean(), "pan-right": -x.mean(), "tilt-up": y.mean(), "tilt-down": -y.mean(),
                "zoom-in": 4 * (x * u + y * v).mean(), "zoom-out": -4 * (x * u + y * v).mean(),
                "roll-counterclockwise": 4 * (y * u - x * v).mean(), "roll-clockwise": 4 * (x * v - y * u).mean()}
    return max(strength, key=strength.get)


@pytest.mark.parametrize("name", camera_watch.CLASSES[1:9])
def test_motion_is_the_labels(name):
    """In plain clips, and in each of their three counterparts with the counterpart's own label."""
    maker = MAKERS["camera"][0](3, ramp=PLAIN)
    for index in range(3):
        clip, label, motion = maker.make(index, label=camera_watch.CLASSES.index(name))
        assert told_by(motion) == name
        seen = set()
        for seed in range(12):
            other, other_label, other_motion = camera_symmetry.counterpart(clip, label, motion, np.random.default_rng(seed))
            assert told_by(other_motion) == camera_watch.CLASSES[other_label]
            seen.add("reversed" if np.array_equal(other, clip[::-1]) else "left-right" if np.array_equal(other, clip[:, :, ::-1]) else "up-down")
            if seen == {"reversed", "left-right", "up-down"}:
                break
        assert "reversed" in seen and len(seen) > 1


@pytest.mark.parametrize("table", [camera_symmetry._LEFT_RIGHT, camera_symmetry._UP_DOWN, camera_symmetry._REVERSED, motion_symmetry._MIRRORED, motion_symmetry._REVERSED])
def test_exchanges_undo_themselves(table):
    assert (table[table] == np.arange(len(table))).all() and (table != np.arange(len(table))).any()


def test_mirroring_twice_is_nothing():
    motion = np.random.default_rng(1).normal(size=(8, 6, 6, 6)).astype(np.float32)
    for axis in (0, 1):
        assert np.array_equal(camera_symmetry.mirrored_motion(camera_symmetry.mirrored_motion(motion, axis), axis), motion)
    twice = camera_symmetry.reversed_motion(camera_symmetry.reversed_motion(motion))
    assert np.array_equal(twice[..., :2], motion[..., :2]) and np.array_equal(twice[..., 4:], motion[..., 4:])
    assert np.array_equal(twice[1:-1, ..., 2:4], motion[1:-1, ..., 2:4])


def test_rooms_are_deterministic():
    a, b, c = (procedural_room(np.random.default_rng([seed, 7005, 0])) for seed in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)
