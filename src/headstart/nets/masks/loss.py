"""The loss of masks: cross-entropy and Dice of soft shares, a number for each image.

A cell of the network's output covers several pixels, so its truth is the share of each class in
it. What is ignored or outside of the image has no share at all, and so no weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

__all__ = ["DenseSums", "dense_losses", "torch_shares"]

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


@dataclass(frozen=True)
class DenseSums:
    """The same loss of a whole batch, with one Dice for all of its images.

    A rare class is on few images, and Dice of one image alone never hears of where that class is
    found on the others. Cross-entropy and Dice are functions of sums over images, so that threads
    need exchange nothing else (see `training.summed`).

    Attributes:
        weights: (C,) of a pixel of each class.
        dice: Weight of the Dice loss.
    """

    weights: torch.Tensor
    dice: float = 1.0

    def sums(self, scores: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        """Returns (1 + 3 C,): cross-entropy; of every class what is found and there, found, there.

        Args:
            scores: (n, C, h, w).
            shares: (n, C, H, W) from 0 to 1, how much of each cell is of each class; cells may be
                smaller than those of the scores, which are then enlarged.
        """
        side = shares.shape[2:]
        if scores.shape[2:] != side:  # thin things are told between cells, as decoding does it
            scores = functional.interpolate(scores, side, mode="bilinear", align_corners=False)
        logs = torch.log_softmax(scores, dim=1)
        weighted = shares * self.weights.to(scores.device).view(-1, 1, 1)
        total = shares.sum((1, 2, 3)).clamp_min(_EPSILON)
        entropy = -((logs * weighted).sum((1, 2, 3)) / total).sum()
        found = logs.exp() * shares.sum(1, keepdim=True)  # 0 where nothing is known
        each = [(found * shares).sum((0, 2, 3)), found.sum((0, 2, 3)), shares.sum((0, 2, 3))]
        return torch.cat([entropy[None], *each])

    def loss(self, sums: torch.Tensor, count: int) -> torch.Tensor:
        """Returns the mean loss of an image, from the sums over all of them.

        Args:
            sums: (1 + 3 C,).
            count: n.
        """
        overlap, found, truth = sums[1:].view(3, -1)
        each = 1 - (2 * overlap + 1) / (found + truth + 1)
        present = (truth > 0).to(each.dtype)
        return sums[0] / count + self.dice * (each * present).sum() / present.sum().clamp_min(1)


def torch_shares(masks: torch.Tensor, n_classes: int, stride: int) -> torch.Tensor:
    """Returns (n, C, h, w) float: the share of each class in every cell of some masks.

    Args:
        masks: (n, side, side) uint8 classes; others are of no class.
        n_classes: C.
        stride: Side of a cell in pixels.
    """
    count, side = masks.shape[:2]
    found = torch.zeros(count, n_classes, side // stride, side // stride, device=masks.device)
    there = torch.bincount(masks.reshape(-1), minlength=256)[:n_classes]
    for number in there.nonzero().flatten().tolist():  # most images have few of many classes
        found[:, number] = functional.avg_pool2d((masks == number).float(), stride)
    return found
