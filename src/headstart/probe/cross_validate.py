"""Rounds: training on some items and predicting others, once or as nested cross-validation.

The winner, the baselines and the learning curve all pass through here, so they are
measured on the same items in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.data.split import folds as make_folds
from headstart.images.pixels import Progress, silent
from headstart.nets.heads import softmax
from headstart.probe.classifiers import (
    Config,
    held_out_scores,
    item_weights,
    make_space,
    one_blas_thread,
)
from headstart.probe.probe import Grid, Probe, probe

__all__ = ["CrossValidated", "Fold", "join_folds", "learning_curve", "cross_validate"]

_SHARES = (0.125, 0.25, 0.5, 0.75, 1.0)
_CURVE_ON = 4_000
_BLOCK = 2048


@dataclass(frozen=True)
class Fold:
    """One round.

    Attributes:
        train: (n,) int items that were learnt from.
        test: (m,) int items that were predicted.
        probe: What was chosen and fitted; its calibration is not used where another model gave
            the scores.
        scores: (m, C) of the test items.
        temperature: Divides the scores.
    """

    train: np.ndarray
    test: np.ndarray
    probe: Probe
    scores: np.ndarray
    temperature: float


@dataclass(frozen=True)
class CrossValidated:
    """Predictions of items by models that never saw them.

    Attributes:
        items: (M,) int which items.
        probabilities: (M, C) calibrated.
        uncalibrated: (M, C) before temperature scaling.
        probe: The probe that becomes the model: of the one round, or of all items together.
        parts: The rounds.
    """

    items: np.ndarray
    probabilities: np.ndarray
    uncalibrated: np.ndarray
    probe: Probe
    parts: tuple[Fold, ...] = ()

    @property
    def labels(self) -> np.ndarray:
        """(M,) int predicted classes."""
        return self.probabilities.argmax(axis=1)


def cross_validate(
    vectors: np.ndarray,
    sets: dict[str, np.ndarray],
    targets: np.ndarray,
    clusters: np.ndarray,
    rounds: list[tuple[np.ndarray, np.ndarray]],
    *,
    n_classes: int,
    grid: Grid | None = None,
    folds: int = 5,
    seed: int = 0,
    final: bool = True,
    progress: Progress = silent,
) -> CrossValidated:
    """Chooses and fits on the training items of each round, and predicts its test items.

    Args:
        vectors: (N, D) float32.
        sets: Feature sets, from `probe.feature_sets`.
        targets: (N,) int.
        clusters: (N,) int.
        rounds: (training items, test items) each; more than one is cross-validation, where
            everything is chosen anew in each round.
        n_classes: C.
        grid: What is tried.
        folds: Inner folds.
        seed: Of everything drawn.
        final: After several rounds, fit once more on all items; False for a baseline.
        progress: Called as rounds go on.

    Returns:
        A `CrossValidated` over the test items of all rounds, in order of item.
    """
    parts: list[Fold] = []

    def fit(train: np.ndarray) -> Probe:
        return probe(
            vectors, sets, targets, clusters, items=train,
            n_classes=n_classes, grid=grid, folds=folds, seed=seed, progress=progress,
        )  # fmt: skip

    for train, test in rounds:
        fitted = fit(train)
        scores = _scores(fitted, vectors, test)
        parts.append(Fold(train, test, fitted, scores, fitted.temperature))
    last = parts[-1].probe
    if len(rounds) > 1 and final:
        last = fit(np.unique(np.concatenate([np.concatenate(each) for each in rounds])))
    return join_folds(parts, last)


def join_folds(parts: list[Fold], last: Probe) -> CrossValidated:
    """Puts the predictions of all rounds in the order of their items.

    Args:
        parts: One or more.
        last: The probe that becomes the model.
    """
    items = np.concatenate([part.test for part in parts])
    before = np.concatenate([softmax(part.scores) for part in parts])
    after = np.concatenate([softmax(part.scores / np.float32(part.temperature)) for part in parts])
    order = np.argsort(items, kind="stable")
    return CrossValidated(items[order], after[order], before[order], last, tuple(parts))


def _scores(fitted: Probe, vectors: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Returns (M, C) scores of some rows, block by block."""
    starts = range(0, len(items), _BLOCK)
    return np.concatenate(
        [fitted.head.scores(vectors[items[start : start + _BLOCK]]) for start in starts]
    )


def learning_curve(
    vectors: np.ndarray,
    columns: np.ndarray,
    targets: np.ndarray,
    clusters: np.ndarray,
    config: Config,
    *,
    n_classes: int,
    items: np.ndarray | None = None,
    folds: int = 5,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Measures the chosen classifier on growing shares of the training items.

    It is measured by cross-validation inside the training items: the test is not touched.

    Args:
        vectors: (N, D) float32.
        columns: (d,) int of the chosen features.
        targets: (N,) int.
        clusters: (N,) int.
        config: The chosen classifier.
        n_classes: C.
        items: (M,) int training rows, by default all; no other is looked at.
        folds: K.
        seed: Of folds and shares.

    Returns:
        (S,) int mean training sizes and (S, K) float accuracies.
    """
    rng = np.random.default_rng(seed)
    items = np.arange(len(targets)) if items is None else items
    chosen = items[rng.permutation(len(items))[:_CURVE_ON]]
    x, y, groups = vectors[chosen], targets[chosen], clusters[chosen]
    folds = max(2, min(folds, len(np.unique(groups))))
    fold_of = make_folds(y, groups, k=folds, seed=seed)
    # Within each class and fold, the first items of a fixed order: smaller sets nest in larger.
    rank = np.zeros(len(y))
    for fold in range(folds):
        for label in np.unique(y):
            members = np.flatnonzero((fold_of == fold) & (y == label))
            rank[rng.permutation(members)] = (np.arange(len(members)) + 0.5) / max(len(members), 1)
    included = np.stack(
        [(fold_of != fold) & (rank <= share) for share in _SHARES for fold in range(folds)]
    )
    enough = included.any(axis=1)
    space = make_space(x, columns)
    weights = item_weights(included, y, balanced=config.balanced)
    weights[~enough] = 1  # solved in vain and dropped below
    # Items that are neither trained on nor held out have weight 0 too and are not looked at.
    with one_blas_thread():
        scores = held_out_scores(
            config.classifier, space, y, n_classes=n_classes, weights=weights,
            strengths=np.full(len(weights), config.C),
        )  # fmt: skip
    hits = scores.argmax(axis=2) == y
    held = np.stack([fold_of == fold for _ in _SHARES for fold in range(folds)])
    held_count = np.maximum(held.sum(axis=1), 1)
    accuracy = np.where(enough, (hits & held).sum(axis=1) / held_count, np.nan)
    accuracy = accuracy.reshape(len(_SHARES), folds)
    sizes = included.sum(axis=1).reshape(len(_SHARES), folds).mean(axis=1).round().astype(int)
    good = ~np.isnan(accuracy).any(axis=1) & (sizes >= n_classes)
    return sizes[good], accuracy[good]
