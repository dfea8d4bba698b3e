"""Detections above one score: precision, recall and F1, and how well objects are counted."""

from __future__ import annotations

import numpy as np

from headstart.metrics.matching import Matches
from headstart.metrics.statistic import Statistic, mean

__all__ = [
    "best_threshold",
    "class_points",
    "count_bias",
    "count_error",
    "count_table",
    "operating_point",
]


def operating_point(matches: Matches, threshold: float) -> dict[str, Statistic]:
    """Returns precision, recall and F1 of the detections with at least a score, at overlap 0.5.

    Args:
        matches: Of N items.
        threshold: The score.
    """
    rows = (matches.scores >= threshold) & ~matches.passed[0, 0]
    n = matches.n
    called = np.bincount(matches.items[rows], minlength=n).astype(float)
    right = np.bincount(matches.items[rows & matches.hits[0, 0]], minlength=n).astype(float)
    true = matches.positives[0].sum(axis=1).astype(float)

    def ratio(above: np.ndarray, below: np.ndarray, factor: float = 1.0) -> Statistic:
        def of(weights: np.ndarray) -> np.ndarray:
            over, under = factor * (weights @ above), weights @ below
            return np.divide(over, under, out=np.full(len(over), np.nan), where=under > 0)

        return Statistic(of, n)

    return {
        "precision": ratio(right, called),
        "recall": ratio(right, true),
        "f1": ratio(right, called + true, 2.0),
    }


def class_points(matches: Matches, threshold: float) -> dict[str, Statistic]:
    """Returns the same of every class: (B, C) values, NaN where there is nothing to divide by.

    Args:
        matches: Of N items.
        threshold: The score.
    """
    called, true = (each.astype(float) for each in count_table(matches, threshold))
    right = np.zeros_like(called)
    rows = (matches.scores >= threshold) & ~matches.passed[0, 0] & matches.hits[0, 0]
    np.add.at(right, (matches.items[rows], matches.classes[rows]), 1)

    def ratio(above: np.ndarray, below: np.ndarray) -> Statistic:
        def of(weights: np.ndarray) -> np.ndarray:
            over, under = weights @ above, weights @ below
            return np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)

        return Statistic(of, matches.n)

    return {
        "precision": ratio(right, called),
        "recall": ratio(right, true),
        "f1": ratio(2 * right, called + true),
    }


def best_threshold(matches: Matches) -> float:
    """Returns the score at which F1 at overlap 0.5 is largest; in the middle between two scores.

    Args:
        matches: Of held-out items: chosen on the test itself, the F1 there would flatter.
    """
    rows = np.flatnonzero(~matches.passed[0, 0])
    total = int(matches.positives[0].sum())
    if not len(rows) or not total:
        return 0.5
    rows = rows[np.argsort(-matches.scores[rows], kind="stable")]
    scores = matches.scores[rows]
    f1 = 2 * np.cumsum(matches.hits[0, 0][rows]) / (np.arange(1, len(rows) + 1) + total)
    last = np.append(scores[:-1] > scores[1:], True)  # of equal scores all are taken, or none
    best = int(np.argmax(np.where(last, f1, -1)))
    below = scores[best + 1] if best + 1 < len(scores) else 0.0
    return float((scores[best] + below) / 2)


def count_table(matches: Matches, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns (N, C) counted and true objects of each class on each item.

    Crowds and difficult objects are none, and what was found on them is not counted.

    Args:
        matches: Of N items.
        threshold: Detections with at least this score are counted.
    """
    counted = np.zeros(matches.positives.shape[1:], np.int64)
    rows = (matches.scores >= threshold) & ~matches.passed[0, 0]
    np.add.at(counted, (matches.items[rows], matches.classes[rows]), 1)
    return counted, matches.positives[0]


def count_error(matches: Matches, threshold: float) -> Statistic:
    """Returns by how many objects the count of an image is off, either way, on average."""
    counted, true = count_table(matches, threshold)
    return mean(np.abs(counted - true).sum(axis=1))


def count_bias(matches: Matches, threshold: float) -> Statistic:
    """Returns by how many objects an image is counted too high (or, below 0, too low)."""
    counted, true = count_table(matches, threshold)
    return mean((counted - true).sum(axis=1), bounds=(-np.inf, np.inf))
