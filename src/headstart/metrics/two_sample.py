"""Whether two sets of images look alike: a classifier two-sample test, within classes.

A classifier is asked to tell one set from the other by their vectors; where it does better on
items that it never saw than by chance, the sets differ (Lopez-Paz and Oquab, "Revisiting classifier
two-sample tests", ICLR 2017). The classifier is ridge regression, because its held-out answers are
a linear function of the sides: all permutations are answered by one matrix product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headstart.metrics.interval import cluster_codes, effective_wilson, resample
from headstart.records import Estimate

__all__ = ["TwoSample", "independent_difference", "share_of", "two_sample_test"]

_PENALTIES = (1.0, 10.0)  # rows have a mean squared length of 1
_MOST = 600  # items of a side; more cost time, and what so many cannot show matters little


@dataclass(frozen=True)
class TwoSample:
    """What a classifier two-sample test says.

    Attributes:
        auroc: How well held-out items of one class are told by side; 0.5 is not at all.
        p_value: Share of permutations of whole clusters that are told apart as well.
        first: Items of the first side that were looked at.
        second: Items of the second.
        clusters: Independent clusters among them.
    """

    auroc: float
    p_value: float
    first: int
    second: int
    clusters: int


def two_sample_test(
    vectors: np.ndarray,
    second: np.ndarray,
    classes: np.ndarray,
    clusters: np.ndarray,
    *,
    folds: int = 5,
    permutations: int = 399,
    seed: int = 0,
) -> TwoSample | None:
    """Tests whether two sets of items differ, whatever their shares of the classes.

    Vectors are compared and sides permuted within classes, by whole clusters (within a cluster
    where both sides have some of it), and folds are drawn without looking at the sides: the p-value
    is exact under exchange of clusters, and few clusters can never seem to be sure.

    Args:
        vectors: (N, D) float32.
        second: (N,) bool: which items are of the second set.
        classes: (N,) int; classes that one side lacks are left out, unless all are.
        clusters: (N,) int; no cluster is on both sides of a fold.
        folds: Of the cross-validation.
        permutations: Of the sides.
        seed: Of folds, permutations and the choice among many items.

    Returns:
        The result; None where a side has fewer than two clusters left.
    """
    rng = np.random.default_rng(seed)
    kept = _comparable(second, classes, clusters, rng)
    side, (codes, total) = second[kept], cluster_codes(clusters[kept], len(kept))
    shared = np.intersect1d(classes[kept][side], classes[kept][~side])
    strata = np.zeros(len(kept), int)
    if len(shared):
        strata = np.unique(classes[kept], return_inverse=True)[1]
    if min(len(np.unique(codes[side])), len(np.unique(codes[~side]))) < 2:
        return None
    drawn = _permuted(side, codes, strata, permutations, rng)
    fold_of = rng.permuted(np.arange(total) % max(2, min(folds, total)))[codes]
    kernel = _kernel(vectors[kept], strata)
    found = [
        _auroc(_held_out(kernel, _centred(drawn, strata), fold_of, penalty), drawn, strata)
        for penalty in _PENALTIES
    ]
    best = np.max(found, axis=0)
    p_value = float((best >= best[0] - 1e-9).mean())
    return TwoSample(float(best[0]), p_value, int((~side).sum()), int(side.sum()), total)


def share_of(
    right: np.ndarray, clusters: np.ndarray, *, level: float = 0.95, seed: int = 0
) -> Estimate:
    """Returns a share with Wilson's interval for as many trials as its clusters are worth.

    Args:
        right: (N,) bool.
        clusters: (N,) int.
        level: Coverage.
        seed: Of the bootstrap.
    """
    codes, total = cluster_codes(clusters, len(right))
    hits = right.astype(float)
    draws = resample(lambda weights: weights @ hits / weights.sum(axis=1), codes, seed=seed)
    return effective_wilson(
        float(hits.mean()), draws, n=len(right), clusters=total, level=level
    )  # fmt: skip


def independent_difference(first: Estimate, second: Estimate) -> Estimate:
    """Returns the difference of two shares of different items, first minus second.

    Newcombe's hybrid of their own intervals ("Interval estimation for the difference between
    independent proportions", Statistics in Medicine 1998), whose coverage it has.
    """
    value = first.value - second.value
    low = value - math.hypot(first.value - first.low, second.high - second.value)
    high = value + math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, low, high, first.n + second.n, f"Newcombe, {second.method}")


def _comparable(
    second: np.ndarray, classes: np.ndarray, clusters: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Returns the items of classes that both sides have, and not too many of them."""
    shared = np.intersect1d(classes[second], classes[~second])
    kept = np.isin(classes, shared) if len(shared) else np.ones(len(classes), bool)
    parts = []
    for side in (second, ~second):
        items = np.flatnonzero(kept & side)
        order = rng.permutation(np.unique(clusters[items]))
        rank = np.empty(len(order), int)
        rank[np.argsort(order)] = np.arange(len(order))
        place = rank[np.unique(clusters[items], return_inverse=True)[1]] if len(items) else items
        parts.append(items[np.argsort(place, kind="stable")][:_MOST])
    return np.sort(np.concatenate(parts))


def _permuted(
    side: np.ndarray, codes: np.ndarray, strata: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Returns (N, B + 1) sides: as they are, then permuted, within strata throughout.

    A cluster that lies on one side goes as a whole; one that lies on both has its own items
    exchanged, as pairs are in a paired test.
    """
    sides = np.repeat(side[:, None], count + 1, axis=1)
    ones = np.bincount(codes, side)
    mixed = (ones > 0) & (ones < np.bincount(codes))
    firsts = np.unique(codes, return_index=True)[1]
    whole = np.flatnonzero(~mixed)
    heads = sides[firsts]
    for stratum in np.unique(strata):
        rows = whole[strata[firsts[whole]] == stratum]
        heads[rows, 1:] = rng.permuted(heads[rows, 1:], axis=0)
    alone = ~mixed[codes]
    sides[alone] = heads[codes[alone]]
    cells = np.where(alone, -1, codes * (strata.max() + 1) + strata)
    for cell in np.unique(cells[~alone]):
        rows = np.flatnonzero(cells == cell)
        sides[rows, 1:] = rng.permuted(sides[rows, 1:], axis=0)
    return sides.astype(np.float32)


def _centred(values: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Returns (N, K) values less the mean of their stratum."""
    counts = np.bincount(strata)
    order = np.argsort(strata, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    means = np.add.reduceat(values[order], starts, axis=0) / counts[:, None]
    return np.asarray(values - means[strata], np.float32)


def _kernel(vectors: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Returns the (N, N) products of vectors, centred within strata and standardised."""
    x = _centred(vectors.astype(np.float32, copy=False), strata)
    deviation = x.std(axis=0)
    alive = deviation > 1e-6 * max(float(deviation.max()), 1e-30)
    x = x[:, alive] / deviation[alive] / np.sqrt(max(int(alive.sum()), 1))
    return np.asarray(x @ x.T, np.float64)


def _held_out(
    kernel: np.ndarray, sides: np.ndarray, fold_of: np.ndarray, penalty: float
) -> np.ndarray:
    """Returns (N, B) answers of ridge regressions that did not see the item's fold.

    Fitting without a fold needs no second fit: the residuals of all items, divided by what the
    fold does not explain of itself, are those of the fold left out.
    """
    n = len(kernel)
    left = penalty * np.linalg.inv(kernel + penalty * np.eye(n))  # what the fit leaves over
    residuals = left @ sides
    answers = np.empty(sides.shape, np.float64)
    for fold in np.unique(fold_of):
        rows = np.flatnonzero(fold_of == fold)
        answers[rows] = sides[rows] - np.linalg.solve(left[np.ix_(rows, rows)], residuals[rows])
    return answers


def _auroc(answers: np.ndarray, sides: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Returns (B,) areas under the curve within strata, each by what it can tell."""
    total, weights = np.zeros(sides.shape[1]), np.zeros(sides.shape[1])
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        ranks = np.argsort(np.argsort(answers[rows], axis=0, kind="stable"), axis=0) + 1
        ones = sides[rows].sum(axis=0)
        pairs = ones * (len(rows) - ones)
        over = (ranks * sides[rows]).sum(axis=0) - ones * (ones + 1) / 2
        weight = pairs / len(rows)
        total += np.where(pairs > 0, over / np.maximum(pairs, 1), 0) * weight
        weights += weight
    return np.asarray(total / np.maximum(weights, 1e-12))
