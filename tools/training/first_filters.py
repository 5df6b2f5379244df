# SPDX-License-Identifier: MIT
"""First values of the patch embedding: waves of low frequency, once as the sum and once as the difference of two
frames.

From random filters the network needs tens of thousands of clips before it notices motion at all. These filters show it
where each wave stands in a patch and how far the wave went from one frame to the next. Every filter is scaled to the
same response on real clips, so that the faint differences count as much as the brightness.
"""

import numpy as np
import torch


def waves(count, side):
    """The `count` lowest wave vectors (cycles per patch) of a half plane, without the constant."""
    vectors = [(y, x) for y in range(0, side // 2) for x in range(-side // 2, side // 2) if (y, x) > (0, 0)]
    return sorted(vectors, key=lambda v: (v[0] ** 2 + v[1] ** 2, v))[:count]


@torch.no_grad()
def set_first_filters(model, clips):
    """Fills model.projection. clips: normalised sample [B, F, 3, S, S] on which the responses are scaled."""
    g = model.geometry
    spatial = g.channels // 2  # each spatial filter serves twice
    centre = (np.arange(g.patch) + 0.5) / g.patch
    grey, red_green, blue_yellow = np.array([1, 1, 1]) / 3, np.array([1, -1, 0]) / 2, np.array([0.5, 0.5, -1]) / 2
    constant = np.ones((g.patch, g.patch))
    made = [(c, constant) for c in (grey, red_green, blue_yellow)]
    for y, x in waves(spatial, g.patch):
        angle = 2 * np.pi * (y * centre[:, None] + x * centre[None])
        made += [(grey, np.cos(angle)), (grey, np.sin(angle))]
    filters = np.zeros((g.channels, 3, g.tubelet, g.patch, g.patch), np.float32)
    for k, (colour, shape) in enumerate(made[:spatial]):
        plane = colour[:, None, None] * shape
        for t in range(g.tubelet):
            filters[2 * k, :, t] = plane
            filters[2 * k + 1, :, t] = plane * (1 if t < g.tubelet // 2 else -1)
    model.projection.weight.copy_(torch.from_numpy(filters))
    model.projection.bias.zero_()
    response = model.project(model.cut(clips)).flatten(0, 1)  # [tokens, C]
    size = response.pow(2).mean(0).sqrt().clamp_min(1e-3)
    model.projection.weight.mul_((1.0 / size).view(-1, 1, 1, 1, 1))
