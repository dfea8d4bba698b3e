"""The loss of masks: cross-entropy and Dice of soft shares, a number for each image.

A cell of the network's output covers several pixels, so its truth is the share of each class in
it. What is ignored or outside of the image has no share at all, and so no weight.
"""

from __future__ import annotations

import torch

__all__ = ["dense_losses"]

_EPSILON = 1e-6


def dense_losses(
    scores: torch.Tensor,
    shares: torch.Tensor,
    weights: torch.Tensor,
    *,
    dice: float = 1.0,
    cells: torch.Tensor | None = None,
) -> torch.Tensor:
    """Returns (...) one number an image: weighted cross-entropy plus Dice over classes present.

    Args:
        scores: (..., C, h, w).
        shares: (..., C, h, w) from 0 to 1, how much of each cell is of each class; leading
            dimensions may be 1.
        weights: (C,) of a pixel of each class.
        dice: Weight of the Dice loss.
        cells: (..., 1, h, w) how many cells each of them stands for, where they are drawn; None
            for one each.
    """
    logs = torch.log_softmax(scores, dim=-3)
    counted = shares if cells is None else shares * cells
    weighted = counted * weights.view(-1, 1, 1)
    # Of all that is known, not of its weights: an image with rare classes counts for more.
    total = counted.sum((-3, -2, -1)).clamp_min(_EPSILON)
    losses = -(logs * weighted).sum((-3, -2, -1)) / total
    if dice:
        seen = shares.sum(-3, keepdim=True)  # 0 where nothing is known
        found = logs.exp() * seen
        truth = counted.sum((-2, -1))
        overlap = 2 * (found * counted).sum((-2, -1))
        found = found if cells is None else found * cells
        each = 1 - (overlap + 1) / (found.sum((-2, -1)) + truth + 1)
        present = (truth > 0).to(each.dtype)
        losses = losses + dice * (each * present).sum(-1) / present.sum(-1).clamp_min(1)
    return losses
