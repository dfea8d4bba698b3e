"""`held_out`: a classifier of frozen vectors, every item answered while it was held out.

Where a run's own answers are few, or a model must be refitted with other weights, this is what
stands beside it: multinomial logistic regression, its strength chosen by the weighted log-loss of
what was held out; or neighbours and prototypes, where the model is one of those: they lean on other
things than a linear classifier does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headstart.data.splits.split import folds as make_folds
from headstart.metrics.vectors import unit_rows
from headstart.nets.heads.head import PROTOTYPE_TEMPERATURE, Head, nearest, neighbour_scores
from headstart.probe.classifiers import Space, make_space, one_blas_thread
from headstart.probe.ensemble import log_probabilities
from headstart.probe.linear import Problems, solve

__all__ = ["Beside", "held_out", "held_out_like", "item_loss"]

_STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


@dataclass(frozen=True)
class Beside:
    """Answers of models that did not see the items.

    Attributes:
        scores: (N, C) log-probabilities.
        folds: (N,) int, which model answered.
        coordinates: (N, r + 1) float32 of the items, the last column ones.
        answer: Maps (M, r + 1) coordinates and the number of a fold to that model's (M, C) scores.
        strength: Of a linear one, as it was chosen; else 0.
        loss: Weighted mean log-loss.
    """

    scores: np.ndarray
    folds: np.ndarray
    coordinates: np.ndarray
    answer: Callable[[np.ndarray, int], np.ndarray]
    strength: float
    loss: float


def held_out(
    space: Space,
    targets: np.ndarray,
    clusters: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    folds: int | np.ndarray = 5,
    strengths: tuple[float, ...] = _STRENGTHS,
    seed: int = 0,
) -> Beside:
    """Fits and answers by cross-validation, linearly.

    Args:
        space: Of N items.
        targets: (N,) int, 0 to C - 1.
        clusters: (N,) int; no cluster lies in two folds.
        weights: (N,) of the items, in fitting and in choosing; by default alike.
        folds: How many, or (N,) int which fold each item is in.
        strengths: To choose from.
        seed: Of the folds.
    """
    n, classes = len(targets), int(targets.max()) + 1
    fold_of = _dealt(targets, clusters, folds, seed)
    count = int(fold_of.max()) + 1
    own = np.ones(n) if weights is None else np.asarray(weights, float)
    shown = np.stack([np.where(fold_of == fold, 0, own) for fold in range(count)])
    shown = (shown / np.maximum(shown.mean(axis=1, keepdims=True), 1e-12)).astype(np.float32)
    problems = Problems(
        space.coordinates, space.axes.variances, targets, classes,
        np.tile(shown, (len(strengths), 1)), np.repeat(np.asarray(strengths, float), count),
    )  # fmt: skip
    with one_blas_thread():
        fitted, raw = solve(problems, loss="logistic", tolerance=2e-3, steps=60)
    fitted = fitted.reshape(len(strengths), count, classes, -1)
    raw = raw.reshape(len(strengths), count, n, classes)[:, fold_of, np.arange(n)]
    scores = np.stack([log_probabilities(each) for each in raw])
    losses = [item_loss(each, targets, own) for each in scores]
    best = int(np.argmin(losses))
    models = fitted[best]

    def answer(coordinates: np.ndarray, fold: int) -> np.ndarray:
        return np.asarray(coordinates @ models[fold].T)

    return Beside(
        scores[best], fold_of, space.coordinates, answer, float(strengths[best]), losses[best]
    )


def held_out_like(
    head: Head | None,
    vectors: np.ndarray,
    targets: np.ndarray,
    clusters: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    folds: int | np.ndarray = 5,
    seed: int = 0,
) -> tuple[Space, Beside]:
    """Answers by cross-validation with a classifier of the same kind as a head.

    Args:
        head: Of the model; None is a linear one.
        vectors: (N, d) float32, the columns that it reads.
        targets: (N,) int, 0 to C - 1.
        clusters: (N,) int; no cluster lies in two folds.
        weights: (N,) of the items, of a linear one.
        folds: How many, or (N,) int which fold each item is in.
        seed: Of the folds.

    Returns:
        The vectors in principal axes, and the answers.
    """
    space = make_space(vectors, np.arange(vectors.shape[1]))
    if head is None or head.kind == "linear":
        return space, held_out(space, targets, clusters, weights=weights, folds=folds, seed=seed)
    kind, k, classes = head.kind, head.k, int(targets.max()) + 1
    fold_of = _dealt(targets, clusters, folds, seed)
    unit = unit_rows(space.coordinates[:, :-1])  # a rotation keeps cosines

    def answer(coordinates: np.ndarray, fold: int) -> np.ndarray:
        asked, learnt = unit_rows(coordinates[:, :-1]), fold_of != fold
        if kind == "neighbours":
            found, cosines = nearest(asked @ unit[learnt].T, k=k)
            return neighbour_scores(targets[learnt][found], cosines, n_classes=classes)
        sums = np.zeros((classes, unit.shape[1]), np.float32)
        np.add.at(sums, targets[learnt], unit[learnt])
        return np.asarray(asked @ unit_rows(sums).T / np.float32(PROTOTYPE_TEMPERATURE))

    scores = np.zeros((len(targets), classes))
    for fold in range(int(fold_of.max()) + 1):
        rows = fold_of == fold
        scores[rows] = log_probabilities(answer(space.coordinates[rows], fold))
    loss = item_loss(scores, targets, np.ones(len(targets)))
    return space, Beside(scores, fold_of, space.coordinates, answer, 0.0, loss)


def item_loss(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """Returns the weighted mean log-loss of (N, C) log-probabilities.

    Args:
        scores: (N, C).
        targets: (N,) int.
        weights: (N,) of the items.
    """
    own = scores[np.arange(len(targets)), targets]
    return float(-(weights * own).sum() / max(weights.sum(), 1e-12))


def _dealt(
    targets: np.ndarray, clusters: np.ndarray, folds: int | np.ndarray, seed: int
) -> np.ndarray:
    """Returns (N,) int folds from 0 on, as given or dealt."""
    if not isinstance(folds, int):
        return np.unique(folds, return_inverse=True)[1].reshape(-1)
    count = max(2, min(folds, len(np.unique(clusters))))
    return make_folds(targets, clusters, k=count, seed=seed)
