# SPDX-License-Identifier: MIT
"""Training with stillness: batches of which only the tokens that change are seen, as the engine does it with
still-threshold. Thresholds are drawn anew for each batch, so a model bears any of them."""

import math

import torch

from reference.model_folder import STD
from reference.stillness import bucket

THRESHOLDS = (0.02, 0.3)  # drawn between these, evenly in their logarithm


def find_still(tubelets, threshold):
    """tubelets [B, T, N, P], normalised -> change [B, T, N]: as reference.stillness.find_still, for a batch."""
    change = torch.full(tubelets.shape[:3], math.inf)
    last = tubelets[:, 0].clone()
    for t in range(1, tubelets.shape[1]):
        difference = (tubelets[:, t] - last).abs().mean(-1)
        still = difference < threshold
        change[:, t] = torch.where(still, difference, math.inf)
        last = torch.where(still[..., None], last, tubelets[:, t])
    return change


def choose_tokens(change, count):
    """change [B, T, N] -> (tokens [B, count] ascending, runs [B, count]: the steps each stands for)."""
    b, steps, places = change.shape
    tokens = change.flatten(1).argsort(dim=1, descending=True, stable=True)[:, :count].sort(1).values
    there = torch.zeros(b, steps * places, dtype=torch.bool).scatter_(1, tokens, True).view(b, steps, places)
    runs = torch.zeros(b, steps, places)
    following = torch.full((b, places), float(steps))
    for t in range(steps - 1, -1, -1):
        runs[:, t] = following - t
        following = torch.where(there[:, t], float(t), following)
    return tokens, runs.flatten(1).gather(1, tokens)


def still_batches(model, clips, generator, parts=4):
    """The clips uint8 [B, F, S, S, 3] in `parts` groups of like stillness: a list of (numbers [b], kept [b, K], runs
    [b, K]). All clips of a group see as many tokens as the one that changes most."""
    g = model.geometry
    low, high = (math.log(t) for t in THRESHOLDS)
    threshold = math.exp(low + (high - low) * torch.rand((), generator=generator).item())
    scale = torch.tensor(STD).repeat_interleave(g.tubelet * g.patch ** 2) * 255
    tubelets = (model.cut(clips.permute(0, 1, 4, 2, 3)).float() / scale).view(len(clips), g.steps, g.per_step, -1)
    change = find_still(tubelets, threshold)
    order = change.isinf().sum((1, 2)).argsort(stable=True)
    groups = []
    for numbers in order.chunk(parts):
        count = bucket(int(change[numbers].isinf().sum((1, 2)).max()), g.steps * g.per_step)
        groups.append((numbers, *choose_tokens(change[numbers], count)))
    return groups
