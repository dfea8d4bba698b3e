"""Whether a score leans on an attribute that comes along with the class, and what that costs.

An attribute (gender, a camera) is *tied* to a class where it is more common there than elsewhere. A
model *uses* it where, among images of one and the same class, its held-out score for that class is
higher for those that have the attribute: what the class itself shows cannot explain that. That the
features carry the attribute says nothing: they nearly always do.

Sources: the rank-sum statistic over strata of van Elteren (1960); the largest of several under
permutation, Westfall and Young (1993); intervals of sums of proportions by recovered variances
(MOVER), Zou and Donner (Statistics in Medicine 2008); Holm (Scandinavian J. Statistics 1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.metrics.interval import cluster_codes, effective_wilson, resample, wilson
from headstart.records import Estimate

__all__ = [
    "Dependence",
    "Pair",
    "dependence",
    "holm",
    "mean_of_shares",
    "share_of_cell",
    "tied_pairs",
    "within_auc",
]

_PERMUTATIONS = 1000


@dataclass(frozen=True)
class Pair:
    """A class and a value of the attribute that is more common in it than elsewhere.

    Attributes:
        kind: Number of the class.
        value: Number of the attribute's value.
        counts: (2, 2) nested: images [of the class, of others][with the value, without].
        told: Balanced accuracy with which the value tells the class from the others.
        told_low: Lower end of its 95 % interval.
    """

    kind: int
    value: int
    counts: tuple[tuple[int, int], tuple[int, int]]
    told: float
    told_low: float

    @property
    def opposing(self) -> tuple[int, int]:
        """Images that contradict the pair: of the class without the value, of others with it."""
        return self.counts[0][1], self.counts[1][0]


@dataclass(frozen=True)
class Dependence:
    """How far held-out scores depend on an attribute within a class.

    Attributes:
        worst: Place of the pair with the strongest evidence.
        aucs: Of every pair: chance that the score for the class is higher with the value than
            without, among images of one true class; 0.5 where it does not matter.
        p_value: Share of permutations whose strongest evidence, over all pairs, is as strong.
    """

    worst: int
    aucs: tuple[float, ...]
    p_value: float


def tied_pairs(targets: np.ndarray, values: np.ndarray, clusters: np.ndarray) -> list[Pair]:
    """Returns the pairs of a class and a value that go together, the most tied first.

    Of two classes (or values) only one of two pairs that say the same is returned.

    Args:
        targets: (N,) int classes, 0 to C - 1.
        values: (N,) int values, 0 to K - 1.
        clusters: (N,) int; what lies in one cluster is one piece of evidence.
    """
    kinds, count = int(targets.max()) + 1, int(values.max()) + 1
    table = np.zeros((kinds, count), int)
    np.add.at(table, (targets, values), 1)
    n, rows, columns = len(targets), table.sum(axis=1), table.sum(axis=0)
    found = []
    for kind in range(kinds):
        own = targets == kind
        sizes = [len(np.unique(clusters[mask])) for mask in (own, ~own)]
        for value in range(count):
            inside = int(table[kind, value])
            outside, rest = int(columns[value]) - inside, n - int(rows[kind])
            if not inside or not rest or inside * rest < outside * int(rows[kind]):
                continue
            shares = (inside / rows[kind], 1 - outside / rest)
            ends = [wilson(p * m, m) for p, m in zip(shares, sizes, strict=True)]
            told = mean_of_shares(ends)
            counts = ((inside, int(rows[kind]) - inside), (outside, rest - outside))
            found.append(Pair(kind, value, counts, told.value, told.low))
    if kinds == 2 and count == 2:  # (no, no) is (yes, yes) in other words
        found = [each for each in found if each.kind == 1] or found
    return sorted(found, key=lambda each: -each.told_low)


def dependence(
    scores: np.ndarray,
    targets: np.ndarray,
    values: np.ndarray,
    pairs: Sequence[Pair],
    *,
    models: np.ndarray,
    clusters: np.ndarray,
    seed: int = 0,
) -> Dependence:
    """Tests whether the score of a class is higher with its value, among images of one class.

    Ranks are taken within true class and model, since scores of two models are on two scales, and
    the attribute is permuted there. Where nearly every cluster (a person, copies of an image) has
    one value, a cluster counts once; where clusters hold several values, those change places within
    their cluster alone.

    Args:
        scores: (N, C) held-out log-odds of each class.
        targets: (N,) int true classes.
        values: (N,) int values of the attribute.
        pairs: What is looked at, one or more.
        models: (N,) int, which model gave the scores.
        clusters: (N,) int.
        seed: Of the permutations.
    """
    ranks = _ranks(scores, _joined(models, targets))
    units, blocks, unit_values = _units(targets, values, models, clusters)
    total = int(units.max()) + 1
    sizes = np.bincount(units, minlength=total)
    moved = np.stack(
        [np.bincount(units, ranks[:, c], minlength=total) / sizes for c in range(ranks.shape[1])],
        axis=1,
    )
    block_sizes = np.bincount(blocks)
    for c in range(moved.shape[1]):
        moved[:, c] -= (np.bincount(blocks, moved[:, c]) / np.maximum(block_sizes, 1))[blocks]
    kinds = np.array([each.kind for each in pairs])
    wanted = np.array([each.value for each in pairs])
    onehot = (unit_values[:, None] == np.arange(int(values.max()) + 1)).astype(float)
    spread = _spread(moved, onehot, blocks)[wanted, kinds]
    aucs = tuple(within_auc(scores[:, p.kind], targets, values == p.value, models) for p in pairs)
    if not (spread > 0).any():
        return Dependence(0, aucs, 1.0)
    scale = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0)

    def strengths(rows: np.ndarray) -> np.ndarray:
        return np.asarray((onehot.T @ rows)[wanted, kinds] * scale)

    seen = strengths(moved)
    rng = np.random.default_rng(seed)
    place = np.argsort(blocks, kind="stable")
    as_large = 0
    for _ in range(_PERMUTATIONS):
        drawn = np.empty(total, int)
        drawn[place] = np.argsort(blocks + rng.random(total))  # within each block at random
        as_large += bool(strengths(moved[drawn]).max() >= seen.max() - 1e-12)
    return Dependence(int(seen.argmax()), aucs, (as_large + 1) / (_PERMUTATIONS + 1))


def within_auc(
    scores: np.ndarray, targets: np.ndarray, has: np.ndarray, models: np.ndarray
) -> float:
    """Returns the chance that, of two images of one class, the one with the value scores higher.

    Within each model and true class, weighted by pairs of images; true classes count alike.

    Args:
        scores: (N,) of one class.
        targets: (N,) int true classes.
        has: (N,) bool: has the value.
        models: (N,) int, which model gave the scores.
    """
    found = []
    for kind in np.unique(targets):
        above, pairs = 0.0, 0.0
        for model in np.unique(models):
            inside = (targets == kind) & (models == model)
            one, other = scores[inside & has], np.sort(scores[inside & ~has])
            if len(one) and len(other):
                below = np.searchsorted(other, one, "left") + np.searchsorted(other, one, "right")
                above += float(below.sum()) / 2
                pairs += len(one) * len(other)
        if pairs:
            found.append(above / pairs)
    return float(np.mean(found)) if found else math.nan


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values that hold for several tests at once (Holm's step-down)."""
    order = np.argsort(p_values, kind="stable")
    adjusted, most = [1.0] * len(p_values), 0.0
    for step, place in enumerate(order.tolist()):
        most = max(most, min(1.0, (len(p_values) - step) * p_values[place]))
        adjusted[place] = most
    return adjusted


def share_of_cell(
    right: np.ndarray, clusters: np.ndarray, *, inflation: float = 1.0, seed: int = 0
) -> Estimate:
    """Returns the share of right answers in one cell, with an interval that few images widen.

    Args:
        right: (n,) bool or float, 0 to 1.
        clusters: (n,) int.
        inflation: Of the variance, from `metrics.folds`.
        seed: Of the bootstrap of clusters.
    """
    n = len(right)
    codes, total = cluster_codes(clusters, n)
    if not n or total == n:
        flat = wilson(float(np.sum(right)) / inflation, n / inflation)
        return Estimate(flat.value, flat.low, flat.high, n, flat.method)
    values = np.asarray(right, float)
    draws = resample(lambda w: w @ values / w.sum(axis=1), codes, seed=seed)
    return effective_wilson(float(values.mean()), draws, n=n, clusters=total, inflation=inflation)


def mean_of_shares(plus: Sequence[Estimate], minus: Sequence[Estimate] = ()) -> Estimate:
    """Returns the mean of some independent shares, less the mean of others, with its interval.

    Args:
        plus: One or more.
        minus: Perhaps some.
    """
    value, below, above, n = 0.0, 0.0, 0.0, 0
    for sign, shares in ((1, plus), (-1, minus)):
        for each in shares:
            weight = 1 / len(shares)
            down, up = each.value - each.low, each.high - each.value
            value += sign * weight * each.value
            below += (weight * (down if sign > 0 else up)) ** 2
            above += (weight * (up if sign > 0 else down)) ** 2
            n += each.n
    least = -1.0 if minus else 0.0
    low, high = max(least, value - math.sqrt(below)), min(1.0, value + math.sqrt(above))
    return Estimate(value, low, high, n, "recovered variances (MOVER) of Wilson 95%")


def _joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns (N,) int codes of pairs of numbers."""
    return np.unique(np.stack([first, second]), axis=1, return_inverse=True)[1].reshape(-1)


def _ranks(scores: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Returns (N, C) ranks within each stratum, from -1/2 to 1/2; ties share theirs."""
    ranks = np.zeros(scores.shape)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        for c in range(scores.shape[1]):
            own = scores[rows, c]
            ordered = np.sort(own)
            middle = np.searchsorted(ordered, own, "left") + np.searchsorted(ordered, own, "right")
            ranks[rows, c] = (middle + 1) / (2 * (len(rows) + 1)) - 0.5
    return ranks


def _units(
    targets: np.ndarray, values: np.ndarray, models: np.ndarray, clusters: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns what is permuted where.

    Returns:
        (N,) int unit of each item; (U,) int block of each unit, within which units change places;
        (U,) int value of each unit.
    """
    ground = _joined(models, targets)
    sets = _joined(ground, clusters)
    with_value = _joined(sets, values)
    several = np.bincount(sets)[sets] > 1
    mixed = np.bincount(np.unique(np.stack([sets, with_value]), axis=1)[0])[sets] > 1
    if several.any() and mixed[several].mean() >= 0.5:
        # Images of one set differ in the attribute: they are compared with each other alone.
        lone = ~several
        return np.arange(len(sets)), np.where(lone, ground + int(sets.max()) + 1, sets), values
    _, first, units = np.unique(with_value, return_index=True, return_inverse=True)
    return units.reshape(-1), ground[first], values[first]


def _spread(moved: np.ndarray, onehot: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """Returns (K, C) standard deviations of the statistics under permutation."""
    count = int(blocks.max()) + 1
    sizes = np.bincount(blocks, minlength=count).astype(float)
    have = np.stack([np.bincount(blocks, column, minlength=count) for column in onehot.T])
    squares = np.stack([np.bincount(blocks, each**2, minlength=count) for each in moved.T])
    share = have * (sizes - have) / np.maximum(sizes * (sizes - 1), 1)
    return np.sqrt(share @ squares.T)
