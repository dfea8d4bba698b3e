"""The losses of metric learning, as pytorch-metric-learning has them (Musgrave et al., 2020).

The library is imported when a loss is made: it brings SciPy's statistics, 1.5 s.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from headstart.tasks.identity.recipe import MetricRecipe

__all__ = ["MARGIN", "Criterion", "make_criterion"]

MARGIN = 0.2
"""Of triplets, between distances of unit vectors; what counts as active is measured by it too."""


class Criterion(nn.Module):
    """A loss and what it learns from.

    Args:
        loss: Of pytorch-metric-learning: (vectors, labels, triplets) to a number.
        miner: (vectors, labels) to triplets, or None for all of them.
    """

    def __init__(self, loss: nn.Module, miner: nn.Module | None = None) -> None:
        super().__init__()
        self.loss, self.miner = loss, miner

    def forward(self, vectors: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Returns the mean loss of (n, E) vectors with (n,) int labels."""
        chosen = None if self.miner is None else self.miner(vectors, labels)
        return self.loss(vectors, labels, chosen)


class _Softmax(nn.Module):
    """A plain classifier, the baseline that metric learning must beat."""

    def __init__(self, weights: np.ndarray, bias: np.ndarray, smoothing: float) -> None:
        super().__init__()
        self.classifier = nn.Linear(weights.shape[1], weights.shape[0])
        with torch.no_grad():
            self.classifier.weight.copy_(torch.from_numpy(weights))
            self.classifier.bias.copy_(torch.from_numpy(bias))
        self._smoothing = smoothing

    def forward(self, vectors: torch.Tensor, labels: torch.Tensor, chosen: None) -> torch.Tensor:
        return nn.functional.cross_entropy(
            self.classifier(vectors), labels, label_smoothing=self._smoothing
        )


def make_criterion(
    recipe: MetricRecipe, centres: np.ndarray, *, classifier: dict[str, np.ndarray] | None = None
) -> Criterion:
    """Returns the loss of a recipe.

    Weights that stand for an identity start at the mean of its frozen vectors (imprinting; Qi,
    Brown and Lowe, CVPR 2018), not at random: a random start would first undo the pretraining.

    Args:
        recipe: Says which.
        centres: (C, E) float32, the mean embedding of each training identity at the start.
        classifier: Weights (C, E) and bias (C,) that ``"softmax"`` starts from.
    """
    from pytorch_metric_learning import losses, miners

    people, width = centres.shape
    margin = recipe.margin
    if recipe.loss == "softmax":
        given = classifier or {"weights": centres, "bias": np.zeros(people, np.float32)}
        return Criterion(_Softmax(given["weights"], given["bias"], recipe.label_smoothing))
    if recipe.loss == "triplet":
        miner = {
            "semihard": lambda: miners.TripletMarginMiner(margin or MARGIN, "semihard"),
            "hard": miners.BatchHardMiner,
            "distance": miners.DistanceWeightedMiner,
            "all": lambda: None,
        }[recipe.mining]()
        return Criterion(losses.TripletMarginLoss(margin or MARGIN), miner)
    if recipe.loss == "contrastive":
        return Criterion(losses.ContrastiveLoss(pos_margin=0.0, neg_margin=margin or 1.0))
    if recipe.loss == "supcon":
        return Criterion(losses.SupConLoss())
    if recipe.loss == "proxyanchor":
        loss = losses.ProxyAnchorLoss(people, width, margin=margin or 0.1)
        weights = loss.proxies
    else:
        # In degrees for ArcFace; the library's own is 0.5 in radians, as in the paper.
        kind = losses.ArcFaceLoss if recipe.loss == "arcface" else losses.CosFaceLoss
        loss = kind(people, width, **({"margin": margin} if margin else {}))
        weights = loss.W
    with torch.no_grad():
        start = torch.from_numpy(centres)
        weights.copy_(start if weights.shape == start.shape else start.T)
    return Criterion(loss)
