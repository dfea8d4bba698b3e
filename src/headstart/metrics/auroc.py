"""The area under the ROC curve, and how far it may be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headstart.metrics.folds import fold_inflation, rows_by_model
from headstart.metrics.interval import cluster_bootstrap, cluster_codes, wilson
from headstart.records import Estimate

__all__ = ["auroc", "auroc_interval", "within_interval"]


def auroc(
    probabilities: np.ndarray, targets: np.ndarray, models: np.ndarray | None = None
) -> tuple[float, np.ndarray, int]:
    """Returns the macro one-vs-rest area under the ROC curve and how each item sways it.

    Only scores of one model are ranked against each other: those of several (the folds of a
    cross-validation) are not on one scale, and to pool them biases the area downwards (Forman and
    Scholz, SIGKDD Explorations 2010). Per class it is the mean of the models' areas, each counting
    by its pairs (LeDell, Petersen and van der Laan, Electronic Journal of Statistics 2015).

    The sway is the first-order influence on the area (the structural components of DeLong,
    DeLong and Clarke-Pearson, Biometrics 1988), from which an interval follows without
    ranking again for each replicate; for clusters see Obuchowski, Biometrics 1997.

    Args:
        probabilities: (N, C) scores.
        targets: (N,) int true classes.
        models: (N,) int, which model scored an item; None for one.

    Returns:
        The area (NaN when no model saw items both of and beside a class), the (N,) change of the
        area per unit of an item's weight, and the number of classes averaged.
    """
    rows = rows_by_model(models, len(targets))
    areas = []
    sway = np.zeros(len(targets))
    for column, scores in enumerate(np.ascontiguousarray(probabilities.T)):
        member = targets == column
        ranked = [_ranked(scores, each[member[each]], each[~member[each]]) for each in rows]
        parts = [part for part in ranked if part is not None]
        pairs = sum(len(part.inside) * len(part.outside) for part in parts)
        if not pairs:
            continue
        area = sum(float(part.wins.sum()) * len(part.outside) for part in parts) / pairs
        areas.append(area)
        for part in parts:
            # About the area of all models: a fold of two items says little of its own.
            sway[part.inside] += (part.wins - area) * (len(part.outside) / pairs)
            sway[part.outside] += (part.beaten - area) * (len(part.inside) / pairs)
    if not areas:
        return math.nan, sway, 0
    return float(np.mean(areas)), sway / len(areas), len(areas)


@dataclass(frozen=True)
class _Ranks:
    """Items of a class and others, and the share of the other kind that each is right about."""

    inside: np.ndarray
    outside: np.ndarray
    wins: np.ndarray
    beaten: np.ndarray


def _ranked(scores: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> _Ranks | None:
    """Ranks the items of a class against the others; None where one kind is absent."""
    if not len(inside) or not len(outside):
        return None

    def share(of: np.ndarray, against: np.ndarray) -> np.ndarray:
        # Half a point for a tie: the mean of counting it on either side.
        below, ordered = np.sort(scores[against]), scores[of]
        places = [np.searchsorted(below, ordered, side) for side in ("left", "right")]
        return np.asarray((places[0] + places[1]) / (2 * len(against)))

    return _Ranks(inside, outside, share(inside, outside), 1 - share(outside, inside))


def auroc_interval(
    probabilities: np.ndarray,
    targets: np.ndarray,
    models: np.ndarray | None,
    clusters: np.ndarray | None,
    seed: int,
) -> Estimate:
    """Returns the area with its interval.

    Args:
        probabilities: (N, C) scores.
        targets: (N,) int true classes.
        models: (N,) int, which model scored an item; None for one.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Of the bootstrap.
    """
    value, sway, _ = auroc(probabilities, targets, models)
    inflation = fold_inflation(models, of="scores")
    within = "" if models is None else " within folds"
    return _around(value, sway * _of_few(targets), clusters, inflation, within, seed)


def within_interval(
    scores: np.ndarray,
    targets: np.ndarray,
    has: np.ndarray,
    models: np.ndarray,
    clusters: np.ndarray,
    *,
    inflation: float = 1.0,
    seed: int = 0,
) -> Estimate:
    """Returns the chance that, of two items of one class, the one that has something scores higher.

    Within each model and class, weighted by pairs of items; classes count alike.

    Args:
        scores: (N,).
        targets: (N,) int true classes.
        has: (N,) bool.
        models: (N,) int, which model scored an item.
        clusters: (N,) int.
        inflation: Of the variance, from `metrics.folds`.
        seed: Of the bootstrap.
    """
    sway, areas = np.zeros(len(targets)), []
    for kind in np.unique(targets):
        rows, lacks = targets == kind, (~has[targets == kind]).astype(int)
        area, own, there = auroc(scores[rows][:, None], lacks, models[rows])
        if there:
            areas.append(area)
            sway[rows] = own * _of_few(lacks)
    value = float(np.mean(areas)) if areas else math.nan
    sway /= max(len(areas), 1)
    return _around(value, sway, clusters, inflation, " within classes", seed)


def _of_few(kinds: np.ndarray) -> np.ndarray:
    """Returns (N,) factors: variances of few divide by one less than there are (DeLong et al.)."""
    sizes = np.bincount(kinds)[kinds]
    return np.asarray(np.sqrt(sizes / np.maximum(sizes - 1, 1)))


def _around(
    value: float, sway: np.ndarray, clusters: np.ndarray | None, inflation: float, within: str,
    seed: int,
) -> Estimate:  # fmt: skip
    """Returns an area with its interval, from how each item sways it."""
    n = len(sway)
    codes, total = cluster_codes(clusters, n)
    if not 0 < value < 1:  # NaN too: nothing to resample
        if math.isnan(value):
            return Estimate(value, 0.0, 1.0, n, "undefined: one class only")
        flat = wilson(value * total / inflation, total / inflation)
        return Estimate(value, flat.low, flat.high, n, f"{flat.method}, no overlap seen")
    # On the logit scale, which keeps the ends inside [0, 1] (Pepe, 2003, section 5.2).
    logit, slope = math.log(value / (1 - value)), 1 / (value * (1 - value))

    def of(weights: np.ndarray) -> np.ndarray:
        moved = (weights - 1) @ sway * slope
        return np.asarray(1 / (1 + np.exp(-(logit + moved))))

    found = cluster_bootstrap(of, codes, n=n, seed=seed, inflation=inflation)
    return Estimate(value, found.low, found.high, n, f"DeLong influence{within}, {found.method}")
