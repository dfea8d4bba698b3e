"""Any measure by subgroup, and whether the gap between subgroups is more than chance.

As fairlearn's `MetricFrame` has it, with intervals that respect clusters.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from headstart.metrics.interval import cluster_bootstrap, cluster_codes
from headstart.metrics.statistic import Measure, Statistic, estimate, restrict
from headstart.records import Estimate

__all__ = ["Subgroups", "bands", "by_subgroup"]

# Below this many items a subgroup says next to nothing, and would always be an extreme.
_FEW = 10
_DISTINCT = 12
_BANDS = 5
_PERMUTATIONS, _COSTLY_PERMUTATIONS = 2000, 300


@dataclass(frozen=True)
class Subgroups:
    """One measure by the values of one column.

    Attributes:
        column: Its name.
        measure: What it is called, such as ``"accuracy"``.
        values: Subgroup -> measure, in the order of the column's values.
        gap: How much better the best is than the worst.
        best: The one.
        worst: The other.
        p_value: Share of random assignments to subgroups that give so large a gap: the best and
            the worst were chosen by looking, so the gap's own interval does not tell.
        left_out: Subgroup -> items, of those with fewer than 10.
    """

    column: str
    measure: str
    values: dict[str, Estimate]
    gap: Estimate | None
    best: str
    worst: str
    p_value: float
    left_out: dict[str, int]


def bands(
    values: np.ndarray, *, count: int = _BANDS, places: np.ndarray | None = None
) -> np.ndarray:
    """Returns a column as it is, or in bands of about equal size where it is numbers or dates.

    Args:
        values: (N,) str; ``""`` where unknown.
        count: Of bands.
        places: (M,) float of the M known values in their order, or None where they have none.

    Returns:
        (N,) str, such as ``"26 to 34"``; ``""`` stays.
    """
    known = values != ""
    if places is None or len(np.unique(places)) < _DISTINCT:
        return values
    numbers, own = places, values[known]
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, count + 1)[1:-1]))
    place = np.searchsorted(edges, numbers, side="left")
    result = np.full(len(values), "", dtype=object)
    rows = np.flatnonzero(known)
    for number in np.unique(place):
        inside = np.flatnonzero(place == number)
        low, high = (own[inside[at(numbers[inside])]] for at in (np.argmin, np.argmax))
        result[rows[inside]] = f"{low} to {high}"
    return result.astype(str)


def by_subgroup(
    column: str,
    values: np.ndarray,
    statistic: Statistic,
    measure: Measure,
    clusters: np.ndarray | None = None,
    *,
    seed: int = 0,
) -> Subgroups:
    """Returns the measure of every subgroup and the gap between the extremes.

    Args:
        column: Name, for people.
        values: (N,) str: the subgroup of each item; items of ``""`` are left out.
        statistic: Of the N items.
        measure: What it is called, and which way is better.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Of the bootstrap and the permutations.
    """
    kept = values != ""
    values, own = values[kept], restrict(statistic, kept)
    codes, _ = cluster_codes(None if clusters is None else clusters[kept], len(values))
    names, numbers, counts = np.unique(values, return_inverse=True, return_counts=True)
    left_out = {str(name): int(n) for name, n in zip(names, counts, strict=True) if n < _FEW}
    found = {}
    for number in sorted(range(len(names)), key=lambda i: _order(str(names[i]))):
        if counts[number] >= _FEW:
            mine = numbers == number
            part = dataclasses.replace(restrict(own, mine), interval="bootstrap")
            found[str(names[number])] = estimate(part, codes[mine], seed=seed)
    words = measure.words
    if len(found) < 2:
        return Subgroups(column, words, found, None, "", "", float("nan"), left_out)
    most = max(found, key=lambda name: found[name].value)
    least = min(found, key=lambda name: found[name].value)
    if most == least:  # all the same: any two will do
        most, least = list(found)[:2]
    one, other = ((values == name).astype(float) for name in (most, least))

    def difference(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return own(weights * one) - own(weights * other)

    width = own.bounds[1] - own.bounds[0]
    gap = cluster_bootstrap(difference, codes, n=len(values), bounds=(-width, width), seed=seed)
    enough = np.isin(values, list(found))
    p_value = _chance(numbers[enough], restrict(own, enough), codes[enough], gap.value, seed)
    best, worst = (most, least) if measure.larger_is_better else (least, most)
    return Subgroups(column, words, found, gap, best, worst, p_value, left_out)


def _order(name: str) -> tuple[int, float, str]:
    """Bands in the order of their numbers, everything else by name."""
    try:
        return (0, float(name.partition(" to ")[0]), name)
    except ValueError:
        return (1, 0.0, name)


def _chance(
    numbers: np.ndarray, statistic: Statistic, codes: np.ndarray, gap: float, seed: int
) -> float:
    """Returns the share of random assignments whose largest gap is at least the one seen.

    Whole clusters change places, where every cluster lies in one subgroup.
    """
    rng = np.random.default_rng(seed)
    _, first, cluster = np.unique(codes, return_index=True, return_inverse=True)
    whole = bool((numbers == numbers[first][cluster]).all())
    _, numbers = np.unique(numbers, return_inverse=True)
    many = int(numbers.max()) + 1
    outcomes = statistic.outcomes
    times = _PERMUTATIONS if outcomes is not None else _COSTLY_PERMUTATIONS
    as_large = 0
    for _ in range(times):
        drawn = rng.permutation(numbers[first])[cluster] if whole else rng.permutation(numbers)
        totals = np.bincount(drawn, minlength=many)
        if outcomes is not None:
            rates = np.bincount(drawn, outcomes, minlength=many)[totals > 0] / totals[totals > 0]
        else:
            rates = statistic((drawn == np.arange(many)[:, None]).astype(float)[totals > 0])
        as_large += bool(rates.max() - rates.min() >= gap - 1e-12)
    return (as_large + 1) / (times + 1)
