# SPDX-License-Identifier: MIT
"""A second task during training: the network tells the true motion at every place and of the whole picture.

Twelve labels a clip are a thin signal: a network that starts from nothing takes very long to notice motion at all. But
the virtual camera knows how far each place moves. So two more linear layers learn to tell it, one from every token and
one from the mean. They are thrown away afterwards; the model folder holds the classifier only.
"""

import torch
import torch.nn.functional as functional
from torch import nn

GAIN = 4.0  # motions are small: 1 stands for a quarter of a patch between two frames


def global_motion(field):
    """Motion field [B, P, 36, 6] -> [B, 8]: mean shift x and y, growth, turn, mean size of the shift and of its changes, defocus,
    covering."""
    places = (torch.arange(6) + 0.5) / 6 - 0.5
    v, u = torch.meshgrid(places, places, indexing="ij")
    u, v = u.flatten() * 2, v.flatten() * 2
    d = torch.cat([field[..., 0:2], field[..., 2:4]], 1)  # [B, 2P, 36, 2]
    size = (u * u + v * v).mean()
    growth = (d[..., 0] * u + d[..., 1] * v).mean(2) / size
    turn = (d[..., 1] * u - d[..., 0] * v).mean(2) / size
    shift = d.mean(2)
    # The two halves of d are interleaved in time; sort them to see the changes.
    ordered = torch.stack(shift.chunk(2, 1), 2).flatten(1, 2)
    change = (ordered[:, 1:] - ordered[:, :-1]).norm(dim=-1)
    parts = [shift[..., 0], shift[..., 1], growth, turn, shift.norm(dim=-1), change]
    means = [p.nanmean(1) for p in parts]
    return torch.stack(means + [field[..., 4].flatten(1).nanmean(1), field[..., 5].flatten(1).nanmean(1)], 1)


class Guide(nn.Module):
    """The two extra layers and their loss."""

    def __init__(self, channels):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.local = nn.Linear(channels, 6)
        self.whole = nn.Linear(channels, 8)

    def forward(self, tokens, pooled, field, kept):
        """tokens [B, K, C] of the last block, pooled [B, C], field [B, P, 36, 6], kept [B, K] or None -> loss."""
        scaled = (field * GAIN).clamp(-3, 3)
        scaled[..., 5] = field[..., 5]
        target = scaled.flatten(1, 2)  # [B, L, 6]
        if kept is not None:
            target = torch.gather(target, 1, kept[..., None].expand(-1, -1, 6))
        local = self._loss(self.local(self.norm(tokens)), target)
        return local + self._loss(self.whole(pooled), global_motion(scaled))

    @staticmethod
    def _loss(told, target):
        known = ~torch.isnan(target)
        return functional.smooth_l1_loss(told.float()[known], target[known], beta=0.25)
