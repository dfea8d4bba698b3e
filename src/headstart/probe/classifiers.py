"""The classifiers of a frozen probe, behind two functions: score what was held out, and fit.

`held_out_scores` answers many (fold, C) questions at once; `fit_head` turns the
chosen one into plain arrays.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headstart.metrics.vectors import unit_rows
from headstart.nets.heads.head import PROTOTYPE_TEMPERATURE, Head, nearest, neighbour_scores
from headstart.probe.axes import Axes, Coordinates, principal_axes
from headstart.probe.linear import Problems, solve
from headstart.probe.mirrored import mirror_cells

__all__ = [
    "LINEAR",
    "Classifier",
    "Config",
    "Space",
    "fit_head",
    "held_out_scores",
    "make_space",
    "one_blas_thread",
]

Classifier = Literal["logistic", "svm", "neighbours", "prototypes", "average"]
"""The last is of linear ones, see `probe.ensemble`: it is chosen, not fitted."""
LINEAR: tuple[Classifier, ...] = ("logistic", "svm")
"""Those whose scores are a linear function of the vectors."""

_BLOCK = 2048


@dataclass(frozen=True)
class Config:
    """One way to classify frozen vectors.

    Attributes:
        classifier: Which kind.
        features: Name of the feature set, e.g. ``"last"`` or ``"all"``.
        C: Of the linear ones, as scikit-learn's (larger is less regularised), k of
            ``"neighbours"``.
        balanced: Whether classes weigh the same whatever their size.
        mirrored: Cells a side where mirrored copies of the items are learnt from too; else 0.
    """

    classifier: Classifier
    features: str
    C: float
    balanced: bool = False
    mirrored: int = 0

    @property
    def seen(self) -> str:
        """What was learnt from, in words."""
        return f"{self.features}, mirrored too" if self.mirrored else self.features


@dataclass(frozen=True)
class Space:
    """One feature set, standardised and rotated.

    Attributes:
        columns: (d,) int columns of the backbone's vectors.
        axes: Principal axes of those columns.
        coordinates: (N, r + 1) float32 in the leading axes, the last column ones; where copies are
            learnt from too (2 N, r + 1), those last.
        side: Cells a side, by which copies are mirrored; 0 without copies.
    """

    columns: np.ndarray
    axes: Axes
    coordinates: np.ndarray
    side: int = 0


def make_space(vectors: np.ndarray, columns: np.ndarray, side: int = 0) -> Space:
    """Standardises and rotates some columns of all vectors.

    Args:
        vectors: (N, D) float32.
        columns: (d,) int.
        side: Cells a side where mirrored copies are rows too; else 0.
    """
    chosen = _with_copies(_pick(vectors, columns), side)
    axes = principal_axes(chosen)
    return Space(columns, axes, axes.rotate(chosen), side)


def one_blas_thread() -> AbstractContextManager[object]:
    """Returns a context in which every matrix product runs on one thread."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    return threadpool_limits(1, user_api="blas")


def _pick(vectors: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Returns (N, d) columns as float32; without a copy where they are all of them."""
    if not np.array_equal(columns, np.arange(vectors.shape[1])):
        vectors = np.ascontiguousarray(vectors[:, columns])
    return vectors.astype(np.float32, copy=False)


def _with_copies(chosen: np.ndarray, side: int) -> np.ndarray:
    """Returns (N, d) vectors, or (2 N, d) with their mirrored copies."""
    return np.concatenate([chosen, mirror_cells(chosen, side)]) if side else chosen


def item_weights(included: np.ndarray, targets: np.ndarray, *, balanced: bool) -> np.ndarray:
    """Weighs the items of each problem.

    Args:
        included: (P, N) bool, who trains.
        targets: (N,) int.
        balanced: Weigh by n / (C * class count), as scikit-learn's ``"balanced"`` does.

    Returns:
        (P, N) float32.
    """
    weights = included.astype(np.float32)
    if balanced:
        for row, mask in zip(weights, included, strict=True):
            if not mask.any():  # nobody trains where all images are held out together
                continue
            counts = np.bincount(targets[mask], minlength=int(targets.max()) + 1)
            present = np.maximum(counts, 1)
            row *= (mask.sum() / (np.count_nonzero(counts) * present))[targets]
    return weights


def held_out_scores(
    classifier: Classifier,
    space: Space,
    targets: np.ndarray,
    *,
    n_classes: int,
    weights: np.ndarray,
    strengths: np.ndarray,
) -> np.ndarray:
    """Fits P problems and scores the items that each held out.

    Args:
        classifier: Which kind.
        space: N items; copies of them, for the linear ones only, weigh a half as each item does.
        targets: (N,) int.
        n_classes: C.
        weights: (P, N); 0 holds an item out, and its copy.
        strengths: (P,).

    Returns:
        (P, N, C) float32; rows of training items mean nothing.
    """
    if classifier in ("logistic", "svm"):
        loss: Literal["logistic", "svm"] = "logistic" if classifier == "logistic" else "svm"
        count, times = len(targets), 1 + (space.side > 0)
        problems = Problems(
            space.coordinates, space.axes.variances, np.tile(targets, times), n_classes,
            np.tile(weights / np.float32(times), times), strengths,
        )  # fmt: skip
        return solve(problems, loss=loss, tolerance=5e-3, steps=50)[1][:, :count]
    unit = unit_rows(space.coordinates[:, :-1])  # rotation keeps cosines
    scores = np.zeros((len(weights), len(targets), n_classes), np.float32)
    # Problems that hold out the same items differ in k only: their neighbours are found once.
    masks, which = np.unique(weights > 0, axis=0, return_inverse=True)
    for number, mask in enumerate(masks):
        alike = np.flatnonzero(which.ravel() == number)
        memory, labels, held = unit[mask], targets[mask], np.flatnonzero(~mask)
        if classifier == "prototypes":
            means = _prototypes(memory, labels, n_classes)
            sharpness = np.float32(1 / PROTOTYPE_TEMPERATURE)
            scores[np.ix_(alike, held)] = unit[held] @ means.T * sharpness
            continue
        most = int(strengths[alike].max())
        for start in range(0, len(held), _BLOCK):
            rows = held[start : start + _BLOCK]
            found, cosines = nearest(unit[rows] @ memory.T, k=most)
            for problem in alike:
                k = int(strengths[problem])
                scores[problem, rows] = neighbour_scores(
                    labels[found[:, :k]], cosines[:, :k], n_classes=n_classes
                )
    return scores


def fit_head(
    config: Config,
    space: Space,
    vectors: np.ndarray,
    targets: np.ndarray,
    *,
    n_classes: int,
    items: np.ndarray | None = None,
) -> Head:
    """Fits one classifier on all items that are for training.

    Args:
        config: Which.
        space: Its axes are used, and its coordinates where they are of all M items, as they must be
            where copies are learnt from too.
        vectors: (N, D) float32.
        targets: (N,) int.
        n_classes: C.
        items: (M,) int rows to learn from; by default all.
    """
    items = np.arange(len(targets)) if items is None else items
    rows = 1 + (space.side > 0)
    few = rows * len(items) == len(space.coordinates)  # as many as the choice was made on
    assert few or not space.side, "copies of items that are not held"
    if few and len(items) < len(targets):
        vectors, targets, items = vectors[items], targets[items], np.arange(len(items))
    own = targets[items]
    if config.classifier in ("logistic", "svm"):
        weights = item_weights(np.ones((1, len(own)), bool), own, balanced=config.balanced) / rows
        coordinates: np.ndarray | Coordinates = space.coordinates
        if not few:
            coordinates = Coordinates(space.axes, vectors, space.columns, items)
        elif space.axes.rest > 0:
            chosen = _with_copies(_pick(vectors, space.columns), space.side)
            coordinates = space.axes.rotate(chosen, rest=True)
        problems = Problems(
            coordinates,
            space.axes.moments(rest=True),
            np.tile(own, rows),
            n_classes,
            np.tile(weights, rows),
            np.array([config.C]),
        )
        loss: Literal["logistic", "svm"] = "logistic" if config.classifier == "logistic" else "svm"
        solved, _ = solve(problems, loss=loss, tolerance=1e-3, steps=100)
        raw, bias = space.axes.unrotate(solved[0, :, :-1], solved[0, :, -1])
        return Head("linear", space.columns, {"weights": raw, "bias": bias}, n_classes)
    axes = space.axes
    arrays = {"mean": axes.mean, "scale": axes.gain}
    blocks = (items[start : start + _BLOCK] for start in range(0, len(items), _BLOCK))
    units = (
        unit_rows((_pick(vectors[block], space.columns) - axes.mean) * axes.gain)
        for block in blocks
    )
    if config.classifier == "prototypes":
        sums = np.zeros((n_classes, len(axes.mean)), np.float32)
        for start, unit in zip(range(0, len(items), _BLOCK), units, strict=True):
            np.add.at(sums, own[start : start + _BLOCK], unit)
        arrays["prototypes"] = unit_rows(sums)
        return Head("prototypes", space.columns, arrays, n_classes)
    memory = np.empty((len(items), len(axes.mean)), np.float32)
    for start, unit in zip(range(0, len(items), _BLOCK), units, strict=True):
        memory[start : start + _BLOCK] = unit
    arrays |= {"memory": memory, "labels": own.astype(np.int64)}
    return Head("neighbours", space.columns, arrays, n_classes, k=int(config.C))


def _prototypes(unit: np.ndarray, targets: np.ndarray, n_classes: int) -> np.ndarray:
    """Returns the (C, d) class means of unit vectors, scaled to length 1."""
    sums = np.zeros((n_classes, unit.shape[1]), np.float32)
    np.add.at(sums, targets, unit)
    return unit_rows(sums)
