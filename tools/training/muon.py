# SPDX-License-Identifier: MIT
"""Muon: the optimizer for the weight matrices of the blocks. Each step has the same size in all directions of a matrix.

Keller Jordan, "Muon: an optimizer for hidden layers in neural networks", 2024. The step size is that of Liu et al.,
"Muon is scalable for LLM training", 2025, eq. 4, so that AdamW's learning rates fit. torch.optim.Muon does the same in
bfloat16 and matrix by matrix. bfloat16 is ten times slower than float32 on a processor without bfloat16 arithmetic, so
this one uses float32. It also takes all matrices of one shape together.
"""

import math

import torch

_POLYNOMIAL = 3.4445, -4.7750, 2.0315


def orthogonal(g, steps=5):
    """Matrices [n, rows, columns] -> nearly the closest matrices whose singular values are all 1 (0.7 to 1.2)."""
    turned = g.shape[1] > g.shape[2]
    x = g.transpose(1, 2) if turned else g
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = _POLYNOMIAL
    for _ in range(steps):
        square = x @ x.transpose(1, 2)
        x = a * x + (b * square + c * square @ square) @ x
    return x.transpose(1, 2) if turned else x


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal. Weight decay is applied separately."""

    def __init__(self, matrices, lr=1e-3, momentum=0.95, weight_decay=0.05):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault(p.shape, []).append(p)
            for (rows, columns), matrices in shapes.items():
                moves = []
                for p in matrices:
                    state = self.state[p]
                    if not state:
                        state["momentum"] = torch.zeros_like(p)
                    state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                    moves.append(p.grad.lerp(state["momentum"], group["momentum"]))  # Nesterov's
                size = group["lr"] * 0.2 * math.sqrt(max(rows, columns))
                for p, move in zip(matrices, orthogonal(torch.stack(moves))):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(move, alpha=-size)
