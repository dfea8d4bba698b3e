"""The side layers of a frozen detector, learnt on: where boxes lie, by the cells of objects.

What a detector was taught to take for the edge of a thing is not what others draw boxes around. Its
last layers are linear, so that learning them on is a convex problem as that of classes is.
"""

from __future__ import annotations

import numpy as np
import torch

from headstart.nets.boxes.head import LARGEST_LOG
from headstart.probe.descent import descend
from headstart.probe.level_fit import LevelFit, Standardised, parts_of

__all__ = ["fit_sides", "overlap_at", "sides_away"]


def fit_sides(
    features: np.ndarray,
    away: np.ndarray,
    worth: np.ndarray,
    start: LevelFit,
    *,
    bins: int,
    strength: float,
    steps: int = 15,
) -> list[LevelFit]:
    """Learns the side layer of one level on, M times side by side.

    Each minimises the distribution focal loss (Li et al., "Generalized focal loss", NeurIPS 2020),
    which with linear layers is softmax regression, or without bins the squares of what centres and
    log sizes are off; plus |W - start|^2 / (2 * strength) in standardised features.

    Args:
        features: (R, c) float32 of cells of objects; may be none.
        away: (R, 4) float32 how far left, top, right and bottom are from the cell's centre, in
            strides.
        worth: (R, M) float32 how much each cell counts for each model.
        start: The pretrained layer.
        bins: As `BoxPlan.bins`.
        strength: Larger is less regularised.
        steps: Of L-BFGS, at most.

    Returns:
        The M layers; where nothing is learnt from, the start.
    """
    models = worth.shape[1]
    if not len(features):
        return [start] * models
    given = Standardised(features)
    begun, point = given.begin(start, models)
    counts = torch.from_numpy(np.ascontiguousarray(worth, np.float32))
    scale = 1 / counts.sum(0).clamp_min(1.0)
    wanted = _shares(away, bins) if bins else _centred(away)
    width, numbers = given.x.shape[1], len(begun)

    def objective(at: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        weights, bias = parts_of(at, width)
        told = torch.addmm(bias.flatten(), given.x, weights.flatten(0, 1).T)
        told = told.unflatten(1, (models, numbers))
        losses, slopes = _bin_loss(told, wanted) if bins else _square_loss(told, wanted)
        slopes *= counts[..., None]
        steep = (slopes.flatten(1).T @ given.x).unflatten(0, (models, numbers))
        moved = weights - begun
        values = (losses * counts).sum(0) + (moved**2).sum((1, 2)) / (2 * strength)
        steep = torch.cat([steep + moved / strength, slopes.sum(0)[..., None]], dim=2)
        return values * scale, (steep * scale[:, None, None]).flatten(1)

    return given.layers(descend(objective, point, steps=steps), start)


def _shares(away: np.ndarray, bins: int) -> torch.Tensor:
    """Returns (R, 4 * bins): each distance as shares of the two bins that it lies between."""
    distance = torch.from_numpy(np.clip(away, 0, bins - 1 - 1e-3).astype(np.float32))
    lower = distance.floor()
    shares = torch.zeros(*distance.shape, bins)
    part = (distance - lower)[..., None]
    shares.scatter_(2, lower.long()[..., None], 1 - part)
    shares.scatter_(2, lower.long()[..., None] + 1, part)
    return shares.flatten(1)


def _bin_loss(told: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns (R, M) cross-entropies of the four sides, and (R, M, 4 * bins) slopes."""
    logs = told.unflatten(2, (4, -1)).log_softmax(-1).flatten(2)
    losses = -(logs * wanted[:, None]).sum(2)
    return losses, logs.exp().sub_(wanted[:, None])


def _centred(away: np.ndarray) -> torch.Tensor:
    """Returns (R, 4): the centre from the cell's, and log width and height, in strides."""
    before, after = away[:, :2], away[:, 2:]
    sizes = np.log(np.maximum(before + after, 1e-3))
    return torch.from_numpy(np.hstack([(after - before) / 2, sizes]).astype(np.float32))


def _square_loss(told: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    off = told - wanted[:, None]
    return (off**2).sum(2) / 2, off


def sides_away(fit: LevelFit, features: np.ndarray, bins: int) -> np.ndarray:
    """Returns (n, 4) float32, as `fit_sides` takes them: what a side layer says of some cells.

    Args:
        fit: The layer.
        features: (n, c).
        bins: As `BoxPlan.bins`.
    """
    told = np.asarray(features, np.float32) @ fit.weights.T + fit.bias
    if bins:
        parts = told.reshape(len(told), 4, bins)
        shares = np.exp(parts - parts.max(axis=2, keepdims=True))
        return np.asarray(shares @ np.arange(bins, dtype=np.float32) / shares.sum(axis=2))
    half = np.exp(np.minimum(told[:, 2:], LARGEST_LOG)) / 2
    return np.hstack([half - told[:, :2], half + told[:, :2]])


def overlap_at(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns (n,) float32 intersection over union of boxes around the same centres.

    Args:
        one: (n, 4) distances of the sides, as `fit_sides` takes them.
        other: Likewise.
    """
    inner, outer = np.minimum(one, other), (one, other)
    inside = np.prod(np.maximum(inner[:, :2] + inner[:, 2:], 0), axis=1)
    areas = [np.prod(np.maximum(each[:, :2] + each[:, 2:], 0), axis=1) for each in outer]
    return np.asarray(inside / np.maximum(areas[0] + areas[1] - inside, 1e-9), np.float32)
