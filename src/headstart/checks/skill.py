"""How well a few outer properties alone tell the classes: cross-validated, with its certainty.

scikit-learn's trees and neighbours do the same; importing them costs longer than a whole warm
training.
"""

from __future__ import annotations

import numpy as np

from headstart.data.splits.split import folds
from headstart.metrics.interval import wilson

__all__ = ["category_skill", "class_skills", "skill", "told_classes"]

_FOLDS = 5
_NEAR = 25


def skill(columns: np.ndarray, targets: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Measures how well some numbers tell the classes, by nearest neighbours.

    Args:
        columns: (N, F) float properties, such as width and height; only their ranks count.
        targets: (N,) int classes, none unknown.
        clusters: (N,) int; the five folds are cluster-disjoint.

    Returns:
        Balanced accuracy, cross-validated, as a share of the way from chance (0) to certainty
        (1), and the lower end of its 95 % interval (normal approximation over clusters).
    """
    _, targets = np.unique(targets, return_inverse=True)
    counts = np.bincount(targets)
    k = int(np.clip(len(targets) // (4 * len(counts)), 3, _NEAR))
    votes = _votes(columns, targets, clusters, k)
    right = (votes.argmax(axis=1) == targets) & votes.any(axis=1)
    return _balanced(right.astype(float), targets, clusters)


def category_skill(
    codes: np.ndarray, targets: np.ndarray, clusters: np.ndarray
) -> tuple[float, float]:
    """Measures how well a category tells the classes; one seen once tells nothing.

    Args:
        codes: (N,) int categories, such as cameras.
        targets: (N,) int classes, none unknown.
        clusters: (N,) int; the five folds are cluster-disjoint.

    Returns:
        As `skill` does.
    """
    _, targets = np.unique(targets, return_inverse=True)
    shares = _shares(codes, targets, clusters)
    best = shares.max(axis=1, keepdims=True)
    # Of classes that are as likely, and of all where a category is new, one is guessed.
    tied = shares >= best - 1e-12
    right = tied[np.arange(len(targets)), targets] / tied.sum(axis=1)
    return _balanced(right, targets, clusters)


def told_classes(columns: np.ndarray, targets: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Returns which class some properties say each item has, out of fold.

    Args:
        columns: (N, F) float numbers, or (N,) int categories.
        targets: (N,) int classes 0 to C - 1, each of them there.
        clusters: (N,) int; the five folds are cluster-disjoint.

    Returns:
        (N,) int classes; -1 where nothing is said, as of a category that is new.
    """
    if columns.ndim == 1:
        said = _shares(columns, targets, clusters)
    else:
        k = int(np.clip(len(targets) // (4 * len(np.bincount(targets))), 3, _NEAR))
        said = _votes(columns, targets, clusters, k)
    return np.where(said.any(axis=1), said.argmax(axis=1), -1)


def class_skills(
    columns: np.ndarray, targets: np.ndarray, clusters: np.ndarray, *, tests: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Measures how well each class is told from all others together.

    One class of twelve that is given away counts a twelfth over all classes, and all for itself.

    Args:
        columns: (N, F) float numbers, or (N,) int categories.
        targets: (N,) int classes 0 to C - 1, each of them there.
        clusters: (N,) int; the five folds are cluster-disjoint.
        tests: How many such figures are looked at in all; the intervals hold for all together.

    Returns:
        (C,) float balanced accuracies of the class against the rest, each as a share of the way
        from chance (0) to certainty (1), and (C,) float lower ends (Wilson over clusters, with
        Bonferroni's correction).
    """
    n, counts = len(targets), np.bincount(targets)
    if columns.ndim == 1:
        own = _shares(columns, targets, clusters)
        rest = (own * counts).sum(axis=1, keepdims=True) - own * counts
    else:
        own = _votes(columns, targets, clusters, int(np.clip(n // 8, 3, _NEAR)))
        rest = (own * counts).sum(axis=1, keepdims=True) - own * counts
    rest = rest / np.maximum(n - counts, 1)
    said = np.where(np.isclose(own, rest), 0.5, own > rest)
    level = 1 - 0.05 / max(tests, 1)
    values, lows = np.zeros(len(counts)), np.zeros(len(counts))
    for each in range(len(counts)):
        is_it = targets == each
        hits, passes = said[is_it, each].mean(), 1 - said[~is_it, each].mean()
        values[each] = hits + passes - 1
        sizes = [len(np.unique(clusters[mask])) for mask in (is_it, ~is_it)]
        ends = [wilson(p * m, m, level=level).low for p, m in zip((hits, passes), sizes)]
        lows[each] = sum(ends) - 1
    return values, lows


def _parts(targets: np.ndarray, clusters: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns the items to learn from and to test on, of each fold that has both."""
    part = folds(targets, clusters, k=_FOLDS)
    # Of many neighbours just as near, a random few vote.
    order = np.random.default_rng(0).permutation(len(targets))
    pairs = [(order[part[order] != f], np.flatnonzero(part == f)) for f in range(_FOLDS)]
    return [(train, test) for train, test in pairs if len(train) and len(test)]


def _votes(columns: np.ndarray, targets: np.ndarray, clusters: np.ndarray, k: int) -> np.ndarray:
    """Returns (N, C) votes of the k nearest of other folds, every class counting alike."""
    counts = np.bincount(targets)
    places = [np.unique(column, return_inverse=True) for column in columns.T]
    ranks = np.stack([place / max(len(values) - 1, 1) for values, place in places], axis=1)
    votes = np.zeros((len(targets), len(counts)))
    for train, test in _parts(targets, clusters):
        far = np.abs(ranks[test, None] - ranks[None, train]).sum(axis=2)
        near = targets[train[np.argpartition(far, min(k, len(train)) - 1, axis=1)[:, :k]]]
        np.add.at(votes, (test[:, None], near), 1 / counts[near])
    return votes


def _shares(codes: np.ndarray, targets: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Returns (N, C): which share of each class has an item's category, in the other folds."""
    _, codes = np.unique(codes, return_inverse=True)
    counts = np.bincount(targets)
    shares = np.zeros((len(targets), len(counts)))
    for train, test in _parts(targets, clusters):
        seen = np.zeros((codes.max() + 1, len(counts)))
        np.add.at(seen, (codes[train], targets[train]), 1)
        shares[test] = (seen / np.maximum(seen.sum(axis=0), 1))[codes[test]]
    return shares


def _balanced(right: np.ndarray, targets: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    counts = np.bincount(targets)
    recalls = np.bincount(targets, weights=right) / counts
    chance = 1 / len(counts)
    # Frames of one video succeed or fail together, so what varies is clusters, not images.
    _, numbers = np.unique(clusters, return_inverse=True)
    pulls = np.bincount(numbers, weights=(right - recalls[targets]) / counts[targets])
    error = float(np.sqrt((pulls**2).sum())) / len(counts)
    value = (float(recalls.mean()) - chance) / (1 - chance)
    return value, value - 1.96 * error / (1 - chance)
