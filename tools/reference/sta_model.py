# SPDX-License-Identifier: MIT
"""VideoMAE's plain ViT for video classification in PyTorch. Its tensors have the names of the Hugging Face layout.

Names of dimensions: B clips, F frames, L tokens, C channels, H heads, D = C / H.
"""

import dataclasses

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn


@dataclasses.dataclass
class Geometry:
    """Sizes of one model."""
    channels: int = 128
    depth: int = 6
    heads: int = 2
    hidden: int = 512
    image: int = 96
    patch: int = 16
    frames: int = 16
    tubelet: int = 2
    classes: int = 12
    eps: float = 1e-6       # of the two norms of a block
    head_eps: float = 1e-5  # of the norm before the classifier

    @property
    def steps(self):
        """Token layers in time."""
        return self.frames // self.tubelet

    @property
    def per_step(self):
        """Tokens of one time layer."""
        return (self.image // self.patch) ** 2


def position_table(tokens, channels):
    """Fixed sine-cosine table [tokens, channels] over the flat token number."""
    j = np.arange(channels)
    angle = np.arange(tokens)[:, None] / np.power(10000.0, 2 * (j // 2) / channels)[None]
    table = np.where(j % 2 == 0, np.sin(angle), np.cos(angle))
    return torch.from_numpy(table.astype(np.float32))


class Block(nn.Module):
    """Pre-norm transformer block; keys have no bias."""

    def __init__(self, g):
        super().__init__()
        self.heads = g.heads
        self.layernorm_before = nn.LayerNorm(g.channels, eps=g.eps)
        self.query = nn.Linear(g.channels, g.channels, bias=False)
        self.key = nn.Linear(g.channels, g.channels, bias=False)
        self.value = nn.Linear(g.channels, g.channels, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(g.channels))
        self.v_bias = nn.Parameter(torch.zeros(g.channels))
        self.attention_output = nn.Linear(g.channels, g.channels)
        self.layernorm_after = nn.LayerNorm(g.channels, eps=g.eps)
        self.intermediate = nn.Linear(g.channels, g.hidden)
        self.output = nn.Linear(g.hidden, g.channels)

    def forward(self, x):
        """x [B, L, C] -> the new x and the keys averaged over heads [B, L, D]."""
        b, n, c = x.shape
        y = self.layernorm_before(x)
        weight = torch.cat([self.query.weight, self.key.weight, self.value.weight])
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        q, k, v = functional.linear(y, weight, bias).view(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        # Written out: with a few hundred tokens this is faster on a CPU than the fused kernel.
        y = torch.softmax((q * (c // self.heads) ** -0.5) @ k.transpose(-2, -1), -1, dtype=q.dtype) @ v
        x = x + self.attention_output(y.transpose(1, 2).reshape(b, n, c))
        x = x + self.output(functional.gelu(self.intermediate(self.layernorm_after(x))))
        return x, k.mean(1)


class VideoClassifier(nn.Module):
    """Tubelet embedding, blocks, mean over tokens, norm, linear classifier."""

    def __init__(self, geometry):
        super().__init__()
        g = self.geometry = geometry
        size = (g.tubelet, g.patch, g.patch)
        self.projection = nn.Conv3d(3, g.channels, size, size)
        self.blocks = nn.ModuleList(Block(g) for _ in range(g.depth))
        self.fc_norm = nn.LayerNorm(g.channels, eps=g.head_eps)
        self.classifier = nn.Linear(g.channels, g.classes)
        self.register_buffer("positions", position_table(g.steps * g.per_step, g.channels), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.xavier_uniform_(self.projection.weight.view(g.channels, -1))
        nn.init.zeros_(self.projection.bias)

    def cut(self, clip):
        """clip [B, F, 3, S, S] of any type -> its tubelets [B, L, 3 * tubelet * patch * patch], order time, row, column."""
        g = self.geometry
        b, f, _, s, _ = clip.shape
        t, y = f // g.tubelet, s // g.patch
        cut = clip.reshape(b, t, g.tubelet, 3, y, g.patch, y, g.patch).permute(0, 1, 4, 6, 3, 2, 5, 7)
        return cut.reshape(b, t * y * y, -1)

    def project(self, tubelets):
        """Tubelets [B, L, 3 * tubelet * patch * patch] -> tokens without position [B, L, C]. A convolution whose stride
        equals its kernel is a matrix product over the tubelets."""
        return functional.linear(tubelets, self.projection.weight.flatten(1), self.projection.bias)

    def encode(self, x, prune=None):
        """Tokens with position [B, L, C] through all blocks. prune(x, keys, block number) -> x may drop tokens after a block."""
        for i, block in enumerate(self.blocks):
            x, keys = block(x)
            if prune is not None:
                x = prune(x, keys, i)
        return x

    def forward(self, clip, prune=None):
        """Normalised clip [B, F, 3, S, S] -> logits [B, classes]."""
        x = self.encode(self.project(self.cut(clip)) + self.positions, prune)
        return self.classifier(self.fc_norm(x.mean(1)))
