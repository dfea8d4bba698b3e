"""How the embeddings of a batch lie: what a collapse shows in, long before recall does."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

__all__ = ["Health", "health"]


class Health(NamedTuple):
    """What some embeddings look like.

    Attributes:
        mean_negative_cosine: Mean cosine between images of different identities; 1: all the same
            point.
        effective_rank: Directions that they spread in: the exponential of the entropy of the shares
            of variance (effective rank; Roy and Vetterli, EUSIPCO 2007). 1: all on one line.
        active_triplets: Share of all triplets that violate the margin. 1 with a mean cosine near 1:
            nothing is told apart; 0: there is nothing left to learn from.
    """

    mean_negative_cosine: float
    effective_rank: float
    active_triplets: float


@torch.no_grad()
def health(vectors: torch.Tensor, labels: torch.Tensor, *, margin: float) -> Health:
    """Measures the embeddings of one batch.

    Args:
        vectors: (n, E) float, of any length.
        labels: (n,) int identities.
        margin: Between distances of unit vectors.
    """
    unit = torch.nn.functional.normalize(vectors.float(), dim=1)
    if not bool(torch.isfinite(unit).all()):
        return Health(math.nan, math.nan, math.nan)
    # A network that died gives zeros, or numbers too large to be scaled: one point as well.
    lengths = vectors.float().norm(dim=1)
    dead = (lengths < 1e-12) | torch.isinf(lengths)
    cosines = torch.where(dead[:, None] & dead[None, :], 1.0, unit @ unit.T)
    same = labels[:, None] == labels[None, :]
    alone = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    mean_negative_cosine = float(cosines[~same].mean()) if bool((~same).any()) else math.nan
    centred = unit - unit.mean(0)
    # The n x n matrix of products has the same spectrum as the E x E covariance.
    spectrum = torch.linalg.eigvalsh((centred @ centred.T).double()).clamp_min(0)
    total = float(spectrum.sum())
    # Unit vectors within rounding of each other spread in no direction at all.
    if total > 1e-6 * len(unit):
        shares = spectrum / total
        effective_rank = float(torch.exp(-torch.xlogy(shares, shares).sum()))
    else:
        effective_rank = 1.0
    distances = (2 - 2 * cosines).clamp_min(0).sqrt()
    positive, negative = same & ~alone, ~same
    violated = distances[:, :, None] - distances[:, None, :] + margin > 0
    triplets = positive[:, :, None] & negative[:, None, :]
    count = int(triplets.sum())
    active_triplets = float((violated & triplets).sum()) / count if count else math.nan
    return Health(mean_negative_cosine, effective_rank, active_triplets)
