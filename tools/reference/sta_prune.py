# SPDX-License-Identifier: MIT
"""STA's token pruning, and random dropping of tokens, for VideoClassifier.

There are three calls, after blocks 0, depth / 3 and 2 depth / 3. They work in T = P, P / 2, P / 4 groups of tokens that
are neighbours in time (P: token layers in time). Each group loses r tokens in each call. The second call scans from the
newest group to the oldest.
"""

import torch

EPS = 1e-12


def call_after(block, depth):
    """Number of the call (0, 1, 2) that follows this block, or None."""
    places = [0, depth // 3, 2 * depth // 3]
    return places.index(block) if block in places else None


def first_group(keys, r):
    """Positions kept of the group scanned first. keys [B, N, D] of unit length -> [B, N - r].

    The r even positions that most resemble some odd position are dropped. The odd positions come first, then the
    remaining even ones by similarity."""
    n = keys.shape[1]
    even = torch.arange(0, n, 2, device=keys.device)
    odd = torch.arange(1, n, 2, device=keys.device)
    similar = (keys[:, even] @ keys[:, odd].transpose(1, 2)).amax(2)  # [B, ceil(N / 2)]
    order = even[similar.argsort(dim=1, stable=True)]
    return torch.cat([odd.expand(len(keys), -1), order], 1)[:, :n - r]


def sta_keep(x, keys, groups, r, backward, semantic=True, temporal=True, first=first_group):
    """Positions kept within each group, in the emitted order [B, T, N - r].

    x [B, L, C]: residual stream after the block; keys [B, L, D]: mean over heads of the block's keys; L = T N.
    semantic, temporal, first: parts of the rule. They can be left out or exchanged to see what they are worth."""
    b, length, c = x.shape
    n = length // groups
    k = keys.float().view(b, groups, n, -1)
    k = k / k.norm(dim=-1, keepdim=True).clamp_min(EPS)
    meaning = x.float().view(b, groups, n, c).abs().sum(-1)  # [B, T, N]
    low, high = meaning.amin(-1, keepdim=True), meaning.amax(-1, keepdim=True)
    meaning = (meaning - low) / (high - low).clamp_min(EPS)
    kept = [None] * groups
    order = list(range(groups - 1, -1, -1)) if backward else list(range(groups))
    kept[order[0]] = first(k[:, order[0]], r)
    mass = torch.ones(b, n, device=x.device)
    for t in range(1, groups):
        new, old = order[t], order[t - 1]
        share = torch.softmax(k[:, new] @ k[:, old].transpose(1, 2), dim=1)  # [B, new, old], sums to 1 over the new tokens
        mass = (share @ mass.unsqueeze(-1)).squeeze(-1)
        score = (mass if temporal else torch.ones_like(mass)) * (1 - meaning[:, new] if semantic else 1)
        kept[new] = score.argsort(dim=1, stable=True)[:, :n - r]
        alive = torch.zeros_like(mass).scatter_(1, kept[new], 1.0)
        mass = mass * alive
        mass = mass / mass.sum(1, keepdim=True).clamp_min(EPS)
    return torch.stack(kept, 1)


def random_keep(x, groups, r, generator):
    """Tokens chosen by chance, as many of each group as STA keeps [B, T, N - r]."""
    b, length, _ = x.shape
    n = length // groups
    return torch.rand(b, groups, n, generator=generator).argsort(2)[:, :, :n - r]


def take(x, kept):
    """The kept tokens of x [B, L, C], groups in order of time [B, T (N - r), C]."""
    b, length, _ = x.shape
    groups = kept.shape[1]
    start = torch.arange(groups, device=x.device).view(1, groups, 1) * (length // groups)
    index = (kept + start).flatten(1)
    return torch.gather(x, 1, index.unsqueeze(-1).expand(-1, -1, x.shape[-1]))


def pruner(geometry, r, rule="sta", generator=None, record=None):
    """A function for VideoClassifier.forward(prune=...). rule: "sta", "random", or STA without one of its parts:
    "no-semantic", "no-temporal", "random-first" (the first group scanned is chosen by chance)."""
    def by_chance(keys, r):
        return random_keep(keys, 1, r, generator)[:, 0]

    def prune(x, keys, block):
        call = call_after(block, geometry.depth)
        if call is None or r == 0:
            return x
        groups = geometry.steps >> call
        if rule == "random":
            kept = random_keep(x, groups, r, generator)
        else:
            kept = sta_keep(x, keys, groups, r, call == 1, rule != "no-semantic", rule != "no-temporal",
                            by_chance if rule == "random-first" else first_group)
        if record is not None:
            record.append(kept)
        return take(x, kept)
    return prune


def gmacs(g, r):
    """Multiply-adds of one clip in 1e9: patch embedding, blocks, head (norms, softmax and scoring left out)."""
    c, tokens = g.channels, g.steps * g.per_step
    total = tokens * 3 * g.tubelet * g.patch ** 2 * c
    for block in range(g.depth):
        total += tokens * (4 * c * c + 2 * c * g.hidden) + 2 * tokens * tokens * c
        call = call_after(block, g.depth)
        if call is not None:
            tokens -= (g.steps >> call) * r
    return (total + c * g.classes) / 1e9


def most_droppable(g):
    """Largest legal r. The limit comes from the first call, which may drop only every other token of a group."""
    return (g.per_step + 1) // 2
