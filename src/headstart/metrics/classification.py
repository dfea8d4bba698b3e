"""Measures of a classifier, each with its interval.

The measures work on weighted counts per class, (B, C) for B bootstrap replicates at once,
in plain numpy: the same thousand replicates through scikit-learn take minutes. Tests hold
them to scikit-learn's values.

Classes without a single test item have no recall and no F1; the macro averages are over
the classes that were tested, and the estimate's method says how many were left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headstart.metrics.auroc import auroc, auroc_interval
from headstart.metrics.folds import fold_inflation
from headstart.metrics.interval import (
    cluster_bootstrap,
    cluster_codes,
    effective_wilson,
    resample,
    wilson,
)
from headstart.metrics.statistic import Statistic, mean, proportion
from headstart.records import Estimate

__all__ = [
    "ClassMeasures",
    "Counts",
    "accuracy",
    "balanced_accuracy",
    "confusion_matrix",
    "count",
    "f1",
    "log_loss",
    "macro_f1",
    "class_statistics",
    "measure_classes",
    "precision",
    "recall",
]


@dataclass(frozen=True)
class Counts:
    """Weighted counts per class.

    Attributes:
        hits: (B, C) weight of items of a class that were named so.
        truths: (B, C) weight of items of a class.
        calls: (B, C) weight of items named so.
    """

    hits: np.ndarray
    truths: np.ndarray
    calls: np.ndarray


@dataclass(frozen=True)
class ClassMeasures:
    """What was measured for one class; `n` is its number of test items."""

    n: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Division that answers NaN where there is nothing to divide by."""
    empty = np.full(above.shape, np.nan)
    return np.asarray(np.divide(above, below, out=empty, where=below > 0))


def _mean(values: np.ndarray) -> np.ndarray:
    """(B,) means over the columns that are not NaN; NaN, without a warning, where all are."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1))


def confusion_matrix(targets: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Returns (C, C) int counts: row is the truth, column the prediction.

    Args:
        targets: (N,) int true classes.
        labels: (N,) int predicted classes.
        classes: C.
    """
    cells = np.bincount(targets * classes + labels, minlength=classes * classes)
    return np.asarray(cells.reshape(classes, classes))


def count(weights: np.ndarray, targets: np.ndarray, labels: np.ndarray, classes: int) -> Counts:
    """Counts hits, truths and calls per class for each row of weights.

    Args:
        weights: (B, N) weights of the items.
        targets: (N,) int true classes.
        labels: (N,) int predicted classes.
        classes: C.
    """
    rows = (np.arange(len(weights)) * classes)[:, None]

    def by(codes: np.ndarray, of: np.ndarray) -> np.ndarray:
        flat = np.bincount((rows + codes).ravel(), of.ravel(), minlength=len(weights) * classes)
        return flat.reshape(len(weights), classes)

    return Counts(
        hits=by(targets, weights * (targets == labels)),
        truths=by(targets, weights),
        calls=by(labels, weights),
    )


def accuracy(counts: Counts) -> np.ndarray:
    """Returns (B,) shares of items classified correctly."""
    return _ratio(counts.hits.sum(axis=1), counts.truths.sum(axis=1))


def precision(counts: Counts) -> np.ndarray:
    """Returns (B, C): of the items named so, how many are; NaN where none was named so."""
    return _ratio(counts.hits, counts.calls)


def recall(counts: Counts) -> np.ndarray:
    """Returns (B, C): of the items of a class, how many were named so; NaN where absent."""
    return _ratio(counts.hits, counts.truths)


def f1(counts: Counts) -> np.ndarray:
    """Returns (B, C) harmonic means of precision and recall; NaN where the class is absent."""
    both = np.where(counts.truths > 0, counts.truths + counts.calls, 0.0)
    return _ratio(2 * counts.hits, both)


def balanced_accuracy(counts: Counts) -> np.ndarray:
    """Returns (B,) mean recalls over the classes present."""
    return _mean(recall(counts))


def macro_f1(counts: Counts) -> np.ndarray:
    """Returns (B,) mean F1 over the classes present."""
    return _mean(f1(counts))


def log_loss(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Returns (N,) minus the natural logarithm of the probability given to the truth.

    Args:
        probabilities: (N, C), rows sum to one; clipped at the resolution of their type.
        targets: (N,) int true classes.
    """
    given = probabilities[np.arange(len(targets)), targets]
    tiny = np.finfo(probabilities.dtype if given.dtype.kind == "f" else np.float64).eps
    return np.asarray(-np.log(np.clip(given, tiny, 1.0).astype(np.float64)))


def class_statistics(
    probabilities: np.ndarray, targets: np.ndarray, models: np.ndarray | None = None
) -> dict[str, Statistic]:
    """Returns the measures of a classifier on labelled items.

    Args:
        probabilities: (N, C), rows sum to one, no NaN; the most probable class is the answer.
        targets: (N,) int true classes, all known.
        models: (N,) int, which model answered an item (the folds of a cross-validation); None for
            one.

    Returns:
        accuracy, balanced_accuracy, macro_f1, auroc and log_loss (natural logarithm).

    Raises:
        ValueError: If there are no items or a target is unknown.
    """
    n, classes = probabilities.shape
    if not n or targets.min() < 0 or targets.max() >= classes:
        raise ValueError(f"need N > 0 items with targets in 0..{classes - 1}")
    labels = probabilities.argmax(axis=1)
    sizes = np.unique(targets, return_counts=True)[1]
    absent = classes - len(sizes)
    # A mean over classes is worth as many items as the harmonic mean of their numbers says.
    worth = len(sizes) ** 2 / float((1 / sizes).sum())

    def counted(of: Callable[[Counts], np.ndarray]) -> Statistic:
        return Statistic(
            lambda weights: of(count(weights, targets, labels, classes)), n, interval="effective",
            absent=absent, worth=worth,
        )  # fmt: skip

    area, sway, used = auroc(probabilities, targets, models)
    found = {
        "accuracy": proportion(labels == targets),
        "balanced_accuracy": counted(balanced_accuracy),
        "macro_f1": counted(macro_f1),
        "auroc": Statistic(
            lambda weights: area + (weights / weights.mean(axis=1, keepdims=True) - 1) @ sway,
            n, absent=classes - used if used else 0,
            own=lambda clusters, seed: auroc_interval(
                probabilities, targets, models, clusters, seed
            ),
        ),
        "log_loss": _log_loss_statistic(probabilities, targets, models),
    }  # fmt: skip
    answers = fold_inflation(models, of="answers")
    factors = dict.fromkeys(("auroc", "log_loss"), fold_inflation(models, of="scores"))
    return {
        key: dataclasses.replace(each, inflation=factors.get(key, answers))
        for key, each in found.items()
    }


def _log_loss_statistic(
    probabilities: np.ndarray, targets: np.ndarray, models: np.ndarray | None
) -> Statistic:
    """Returns the mean log-loss; where nothing is wrong its interval holds the mistakes unseen.

    Sixteen right answers drawn again are right: without these the interval would be a point. As
    many may be wrong as Wilson's interval of the accuracy leaves open, and what is wrong costs at
    least the logarithm of what was left for other classes.
    """
    plain = mean(log_loss(probabilities, targets))
    given = probabilities[np.arange(len(targets)), targets]
    if (probabilities.argmax(axis=1) != targets).any():
        return plain
    tiny = np.finfo(np.float32).eps
    wrong = -np.log(np.clip(1.0 - given.astype(np.float64), tiny, 1.0)).mean()
    inflation = fold_inflation(models, of="scores")

    def own(clusters: np.ndarray | None, seed: int) -> Estimate:
        found = cluster_bootstrap(
            plain.of, clusters, n=plain.n, bounds=plain.bounds, seed=seed, inflation=inflation
        )
        alone = cluster_codes(clusters, plain.n)[1] / inflation
        unseen = found.value + (1 - wilson(alone, alone).low) * max(wrong - found.value, 0.0)
        return dataclasses.replace(
            found, high=max(found.high, float(unseen)), method=f"{found.method}, mistakes unseen"
        )

    return dataclasses.replace(plain, own=own)


def measure_classes(
    labels: np.ndarray,
    targets: np.ndarray,
    classes: int,
    *,
    clusters: np.ndarray | None = None,
    models: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[ClassMeasures, ...]:
    """Returns precision, recall and F1 of every class, in order of the class.

    Args:
        labels: (N,) int predicted classes.
        targets: (N,) int true classes, all known.
        classes: C.
        clusters: (N,) cluster of each item, or None when all stand alone.
        models: (N,) int, which model answered an item; None for one.
        seed: Seed of the bootstrap.
    """
    n = len(targets)
    codes, total = cluster_codes(clusters, n)
    factor = fold_inflation(models, of="answers")

    def statistic(weights: np.ndarray) -> np.ndarray:
        counts = count(weights, targets, labels, classes)
        parts = [f1(counts)] if total == n else [f1(counts), recall(counts), precision(counts)]
        return np.column_stack(parts)

    values = statistic(np.ones((1, n)))[0]
    draws = resample(statistic, codes, seed=seed)
    counts = count(np.ones((1, n)), targets, labels, classes)

    def share(column: int, n: int, clusters: int) -> Estimate:
        value, drawn = float(values[column]), draws[:, column]
        return effective_wilson(value, drawn, n=n, clusters=clusters, inflation=factor)

    def alone(hits: int, n: int) -> Estimate:
        return dataclasses.replace(wilson(hits / factor, n / factor), n=n)

    made = []
    for index in range(classes):
        hits, truths, calls = (
            int(column[0, index]) for column in (counts.hits, counts.truths, counts.calls)
        )
        if total == n:
            ours = [alone(hits, truths), alone(hits, calls)]
            named = truths + calls - hits
        else:
            true, called = targets == index, labels == index
            kinds = [len(np.unique(codes[mask])) for mask in (true, called, true | called)]
            ours = [
                share(classes + index, truths, kinds[0]),
                share(2 * classes + index, calls, kinds[1]),
            ]
            named = kinds[2]
        harmonic = share(index, truths + calls - hits, named)
        harmonic = dataclasses.replace(harmonic, n=truths)
        made.append(ClassMeasures(n=truths, precision=ours[1], recall=ours[0], f1=harmonic))
    return tuple(made)
