"""What learning masks needs of torch: the head, the batches, the loss, and what is watched."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from headstart.nets.masks.head import DensePlan
from headstart.nets.masks.loss import DenseSums
from headstart.nets.masks.net import DenseNet, build_dense
from headstart.tasks.placed_learn import batches, begun
from headstart.training.schedule import Recipe

__all__ = ["batches", "correct", "head", "loss"]


def head(plan: DensePlan, n_outputs: int, start: Any = None, *, seed: int = 0) -> DenseNet:
    """Returns the module that reads a network's maps.

    Args:
        plan: What it is made of, in the place of a width.
        n_outputs: C, as the plan says.
        start: (means, standard deviations) of each stage's channels, or None.
        seed: Of its weights.
    """
    return begun(build_dense(plan, seed=seed), n_outputs, start)


def loss(recipe: Recipe, weights: np.ndarray) -> DenseSums:
    """Returns the loss: scores and shares of a batch to a number, with one Dice for all of it.

    Args:
        recipe: How much Dice counts.
        weights: (C,) of a pixel of each class.
    """
    return DenseSums(torch.from_numpy(weights), float(getattr(recipe, "dice", 1.0)))


def correct(outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
    """Returns what is watched while masks are learnt: ``"accuracy"``, (n,) float.

    Args:
        outputs: (n, C, h, w) scores.
        targets: (n, C, H, W) shares, of the same cells or of smaller ones.
    """
    if targets.shape[2:] != outputs.shape[2:]:
        targets = torch.nn.functional.adaptive_avg_pool2d(targets, outputs.shape[2:])
    # Class by class: `argmax` over a dimension that is not the last takes twenty times as long.
    best, right = outputs[:, 0], targets[:, 0]
    for each in range(1, outputs.shape[1]):
        right = torch.where(outputs[:, each] > best, targets[:, each], right)
        best = torch.maximum(best, outputs[:, each])
    return {"accuracy": right.sum((1, 2)) / targets.sum((1, 2, 3)).clamp_min(1e-6)}
