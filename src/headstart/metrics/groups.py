"""Accuracy or error by subgroup, and whether the gap between subgroups is more than chance.

As fairlearn's `MetricFrame` has it, for one measure and with intervals that respect clusters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from headstart.metrics.interval import cluster_bootstrap, cluster_codes
from headstart.records import Estimate

__all__ = ["Measure", "Subgroups", "bands", "by_subgroup"]

Measure = Literal["accuracy", "mean absolute error"]

# Below this many items a subgroup says next to nothing, and would always be an extreme.
_FEW = 10
_DISTINCT = 12
_BANDS = 5
_PERMUTATIONS = 2000


@dataclass(frozen=True)
class Subgroups:
    """One measure by the values of one column.

    Attributes:
        column: Its name.
        measure: ``"accuracy"``, or ``"mean absolute error"``, where less is better.
        values: Subgroup -> measure, in the order of the column's values.
        gap: How much better the best is than the worst.
        best: The one.
        worst: The other.
        p_value: Share of random assignments to subgroups that give so large a gap: the best and
            the worst were chosen by looking, so the gap's own interval does not tell.
        left_out: Subgroup -> items, of those with fewer than 10.
    """

    column: str
    measure: Measure
    values: dict[str, Estimate]
    gap: Estimate | None
    best: str
    worst: str
    p_value: float
    left_out: dict[str, int]


def bands(values: np.ndarray) -> np.ndarray:
    """Returns a column as it is, or in five bands of about equal size where it is numbers.

    Args:
        values: (N,) str; ``""`` where unknown.

    Returns:
        (N,) str, such as ``"26 to 34"``; ``""`` stays.
    """
    known = values != ""
    try:
        numbers = values[known].astype(float)
    except ValueError:
        return values
    if len(np.unique(numbers)) < _DISTINCT or not np.isfinite(numbers).all():
        return values
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, _BANDS + 1)[1:-1]))
    place = np.searchsorted(edges, numbers, side="left")
    result = np.full(len(values), "", dtype=object)
    rows = np.flatnonzero(known)
    for number in np.unique(place):
        inside = numbers[place == number]
        result[rows[place == number]] = f"{inside.min():g} to {inside.max():g}"
    return result.astype(str)


def by_subgroup(
    column: str,
    values: np.ndarray,
    outcomes: np.ndarray,
    clusters: np.ndarray | None = None,
    *,
    measure: Measure = "accuracy",
    seed: int = 0,
) -> Subgroups:
    """Returns the measure of every subgroup and the gap between the extremes.

    Args:
        column: Name, for people.
        values: (N,) str: the subgroup of each item; items of ``""`` are left out.
        outcomes: (N,) bool: which items were classified correctly; or (N,) float: how far off each
            is.
        clusters: (N,) cluster of each item, or None when all stand alone.
        measure: What the mean of the outcomes is called.
        seed: Of the bootstrap and the permutations.
    """
    kept = values != ""
    values, outcomes = values[kept], outcomes[kept].astype(float)
    codes, _ = cluster_codes(None if clusters is None else clusters[kept], len(values))
    names, numbers, counts = np.unique(values, return_inverse=True, return_counts=True)
    left_out = {str(name): int(n) for name, n in zip(names, counts, strict=True) if n < _FEW}
    top = 1.0 if measure == "accuracy" else np.inf
    found = {}
    for number in sorted(range(len(names)), key=lambda i: _order(str(names[i]))):
        if counts[number] >= _FEW:
            mine = numbers == number
            found[str(names[number])] = _mean(outcomes[mine], codes[mine], top, seed)
    if len(found) < 2:
        return Subgroups(column, measure, found, None, "", "", float("nan"), left_out)
    most = max(found, key=lambda name: found[name].value)
    least = min(found, key=lambda name: found[name].value)
    if most == least:  # all the same: any two will do
        most, least = list(found)[:2]
    one, other = ((values == name).astype(float) for name in (most, least))

    def difference(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return (weights @ (one * outcomes)) / (weights @ one) - (
                weights @ (other * outcomes)
            ) / (weights @ other)

    gap = cluster_bootstrap(difference, codes, n=len(values), bounds=(-top, top), seed=seed)
    enough = np.isin(values, list(found))
    p_value = _chance(numbers[enough], outcomes[enough], codes[enough], gap.value, seed)
    best, worst = (most, least) if measure == "accuracy" else (least, most)
    return Subgroups(column, measure, found, gap, best, worst, p_value, left_out)


def _mean(outcomes: np.ndarray, codes: np.ndarray, top: float, seed: int) -> Estimate:
    return cluster_bootstrap(
        lambda weights: weights @ outcomes / weights.sum(axis=1), codes, n=len(outcomes),
        bounds=(0.0, top), seed=seed,
    )  # fmt: skip


def _order(name: str) -> tuple[int, float, str]:
    """Bands in the order of their numbers, everything else by name."""
    try:
        return (0, float(name.partition(" to ")[0]), name)
    except ValueError:
        return (1, 0.0, name)


def _chance(
    numbers: np.ndarray, outcomes: np.ndarray, codes: np.ndarray, gap: float, seed: int
) -> float:
    """Returns the share of random assignments whose largest gap is at least the one seen.

    Whole clusters change places, where every cluster lies in one subgroup.
    """
    rng = np.random.default_rng(seed)
    _, first, cluster = np.unique(codes, return_index=True, return_inverse=True)
    whole = bool((numbers == numbers[first][cluster]).all())
    _, numbers = np.unique(numbers, return_inverse=True)
    many = int(numbers.max()) + 1
    as_large = 0
    for _ in range(_PERMUTATIONS):
        drawn = rng.permutation(numbers[first])[cluster] if whole else rng.permutation(numbers)
        totals = np.bincount(drawn, minlength=many)
        rates = np.bincount(drawn, outcomes, minlength=many)[totals > 0] / totals[totals > 0]
        as_large += bool(rates.max() - rates.min() >= gap - 1e-12)
    return (as_large + 1) / (_PERMUTATIONS + 1)
