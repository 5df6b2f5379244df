# SPDX-License-Identifier: MIT
"""Tests the Python model: against the goldens of the official implementation, and through a model folder and back.
Needs PyTorch."""

import os
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from evaluation.pruning_curve.measure import guesses, plan  # noqa: E402
from reference.model_folder import load_folder, save_folder  # noqa: E402
from reference.sta_model import Geometry, VideoClassifier  # noqa: E402
from reference.sta_prune import gmacs, most_droppable  # noqa: E402


def test_goldens(root):
    done = subprocess.run([sys.executable, os.path.join(root, "tools", "checks", "check_golden.py"), os.path.join(root, "tests", "golden")],
                          capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) >= 19 and all(line.startswith("ok ") for line in lines), done.stdout + done.stderr


def tiny():
    torch.manual_seed(3)
    return VideoClassifier(Geometry(24, 3, 3, 48, 32, 8, 8, 2, 4, 1e-6)).eval()


def test_folder_round_trip(tmp_path):
    model = tiny()
    save_folder(str(tmp_path), model, ["a", "b", "c", "d"], "1/10")
    back, labels, interval = load_folder(str(tmp_path))
    assert labels == ["a", "b", "c", "d"] and interval == 0.1 and back.geometry == model.geometry
    for (name, mine), (other, theirs) in zip(model.named_parameters(), back.named_parameters()):
        assert name == other and torch.equal(mine, theirs)


def test_arithmetic_is_the_papers():
    """GMACs of ViT-B in tables 1 and 2 of the paper, within 0.7 %."""
    g = Geometry(768, 12, 12, 3072, 224, 16, 16, 2, 400, 1e-6)
    for r, want in ((0, 180.5), (64, 96.5)):
        assert gmacs(g, r) == pytest.approx(want, rel=0.007)


def test_curve_counts_every_clip_once():
    model = tiny()
    clips = torch.from_numpy(np.random.default_rng(1).integers(0, 255, (5, 8, 32, 32, 3), dtype=np.uint8))

    class Arguments:
        step, seeds = 4, 2
    passes = plan(model.geometry, Arguments)
    assert {p[0] for p in passes} == {r for r in range(4, most_droppable(model.geometry) + 1, 4)}
    told = guesses(model, clips, passes, batch=2)
    assert set(told) == {(0, "sta", 0), *passes} and all(len(v) == 5 for v in told.values())
    again = guesses(model, clips, passes, batch=5)  # the batch size must not matter
    assert all((told[p] == again[p]).all() for p in told if p[1] == "sta")


def test_still_batches_are_the_reference():
    from reference import stillness
    from training import still_batches
    torch.manual_seed(4)
    for threshold in (0.02, 0.1, 0.3):
        tubelets = torch.randn(3, 8, 6, 10) * 0.1
        calm = tubelets[:, :1] + 0.01 * torch.randn(3, 7, 6, 10)
        tubelets[:, 1:] = torch.where(torch.rand(3, 7, 6, 1) < 0.7, calm, tubelets[:, 1:])
        change = still_batches.find_still(tubelets, threshold)
        count = int(change.isinf().sum((1, 2)).max()) + 2
        tokens, runs = still_batches.choose_tokens(change, count)
        for i in range(3):
            alone = stillness.find_still(tubelets[i].numpy(), threshold)
            assert np.allclose(change[i].numpy(), alone)
            want = stillness.choose_tokens(alone, count)
            assert (tokens[i].numpy() == want[0]).all() and (runs[i].numpy() == want[1]).all()
