"""`held_out`: a plain linear classifier of frozen vectors, every item answered while held out.

Where a run's own answers are few, or one model must be refitted with other weights, this is the
classifier that stands beside it: multinomial logistic regression, its strength chosen by the
weighted log-loss of what was held out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.data.split import folds as make_folds
from headstart.probe.classifiers import Space, make_space, one_blas_thread
from headstart.probe.ensemble import log_probabilities
from headstart.probe.linear import Problems, solve

__all__ = ["HeldOut", "held_out", "item_loss"]

_STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


@dataclass(frozen=True)
class HeldOut:
    """Answers of models that did not see the items.

    Attributes:
        scores: (N, C) log-probabilities.
        folds: (N,) int, which model answered.
        weights: (K, C, r + 1) of every fold's model, the bias last, on `coordinates`.
        coordinates: (N, r + 1) float32 of the items, the last column ones.
        strength: That was chosen.
        loss: Weighted mean log-loss at it.
    """

    scores: np.ndarray
    folds: np.ndarray
    weights: np.ndarray
    coordinates: np.ndarray
    strength: float
    loss: float


def held_out(
    vectors: np.ndarray | Space,
    targets: np.ndarray,
    clusters: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    folds: int | np.ndarray = 5,
    strengths: tuple[float, ...] = _STRENGTHS,
    seed: int = 0,
) -> HeldOut:
    """Fits and answers by cross-validation.

    Args:
        vectors: (N, d) float32, or their space, where several questions are asked of it.
        targets: (N,) int, 0 to C - 1.
        clusters: (N,) int; no cluster lies in two folds.
        weights: (N,) of the items, in fitting and in choosing; by default alike.
        folds: How many, or (N,) int which fold each item is in.
        strengths: To choose from.
        seed: Of the folds.
    """
    space = vectors if isinstance(vectors, Space) else make_space(vectors, _every(vectors))
    n, classes = len(targets), int(targets.max()) + 1
    if isinstance(folds, int):
        count = max(2, min(folds, len(np.unique(clusters))))
        fold_of = make_folds(targets, clusters, k=count, seed=seed)
    else:
        fold_of = np.unique(folds, return_inverse=True)[1].reshape(-1)
    count = int(fold_of.max()) + 1
    own = np.ones(n) if weights is None else np.asarray(weights, float)
    shown = np.stack([np.where(fold_of == fold, 0, own) for fold in range(count)])
    shown = (shown / np.maximum(shown.mean(axis=1, keepdims=True), 1e-12)).astype(np.float32)
    coordinates = space.coordinates
    problems = Problems(
        coordinates, space.axes.variances, targets, classes,
        np.tile(shown, (len(strengths), 1)), np.repeat(np.asarray(strengths, float), count),
    )  # fmt: skip
    with one_blas_thread():
        fitted, raw = solve(problems, loss="logistic", tolerance=2e-3, steps=60)
    fitted = fitted.reshape(len(strengths), count, classes, -1)
    raw = raw.reshape(len(strengths), count, n, classes)[:, fold_of, np.arange(n)]
    scores = np.stack([log_probabilities(each) for each in raw])
    losses = [item_loss(each, targets, own) for each in scores]
    best = int(np.argmin(losses))
    return HeldOut(
        scores[best], fold_of, fitted[best], coordinates, float(strengths[best]), losses[best]
    )


def item_loss(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """Returns the weighted mean log-loss of (N, C) log-probabilities.

    Args:
        scores: (N, C).
        targets: (N,) int.
        weights: (N,) of the items.
    """
    own = scores[np.arange(len(targets)), targets]
    return float(-(weights * own).sum() / max(weights.sum(), 1e-12))


def _every(vectors: np.ndarray) -> np.ndarray:
    return np.arange(vectors.shape[1])
