"""`compare_statistics`: whether two models really differ, by their answers to the same items.

Two accuracies whose intervals overlap may still differ beyond doubt: most items are easy, or hard,
for both, and only those that one of the two classified correctly tell them apart. So the items are
compared in pairs, which takes far fewer of them than comparing two accuracies does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from headstart.metrics.few import FEW, pooled_variance
from headstart.metrics.interval import cluster_codes, resample
from headstart.metrics.statistic import Measure, Statistic, difference, estimate
from headstart.records import Estimate
from headstart.tasks import words_of

__all__ = ["Comparison", "compare_statistics", "items_needed", "paired_test"]

_LEVEL = 0.05  # of the test; the intervals' 95 % are its complement
_POWER = 0.8
_FEWEST = 6  # fewer answers, all in favour of one side, never reach p < 0.05: 2 / 2**5 > 0.05


@dataclass(frozen=True)
class Comparison:
    """Two models, A and B, on the same items. Every difference is B minus A.

    Attributes:
        first: Which one A is.
        second: Which one B is.
        primary: Key of the measure that decides.
        summary: The verdict, in one sentence.
        better: The better one, where the test shows that there is one.
        values: The primary measure of A and of B on the common items.
        differences: Measure -> paired difference, the primary one first.
        p_value: How often chance alone would set two equal models so far apart.
        test: What gave `p_value`.
        answers: Of proportions, items that both, only A, only B and neither got right: both,
            only_a, only_b, neither.
        needed: About how many test items would show a difference of this size; None where a
            difference is shown, none was seen, or it cannot be said.
        notes: What else must be known to read the verdict, one sentence each.
        task: Whose measures they are, "" where nobody says.
    """

    first: str
    second: str
    primary: str
    summary: str
    better: Literal["A", "B"] | None
    values: tuple[Estimate, Estimate]
    differences: dict[str, Estimate]
    p_value: float
    test: str
    answers: dict[str, int]
    needed: int | None
    notes: tuple[str, ...] = ()
    task: str = ""

    def __repr__(self) -> str:
        return f"Comparison(A={self.first!r}, B={self.second!r}: {self.summary})"

    def _repr_html_(self) -> str:
        from html import escape

        words = words_of(self.task)
        names = (f"A: {self.first}", f"B: {self.second}")
        rows = [
            *zip(names, self.values, strict=True),
            *(
                (f"B − A: {words.get(name, name)}", value)
                for name, value in self.differences.items()
            ),
        ]
        cells = "".join(f"<tr><td>{escape(name)}</td><td>{each}</td></tr>" for name, each in rows)
        summary = " ".join([self.summary, *self.notes])
        return f"<table><caption>{escape(summary)}</caption>{cells}</table>"


def paired_test(
    correct_a: np.ndarray, correct_b: np.ndarray, clusters: np.ndarray | None = None
) -> float:
    """Returns the two-sided p-value of "A and B are equally accurate", exactly.

    Items that stand alone: McNemar's test in its exact form (McNemar, Psychometrika 1947): were
    they equal, each item that only one of them classified correctly would favour either by the toss
    of a coin. Otherwise the coin is tossed for whole clusters (Fisher's randomisation test); with
    one item per cluster the two are the same.

    Args:
        correct_a: (N,) bool, which items A classified correctly.
        correct_b: (N,) bool, the same items for B.
        clusters: (N,) cluster of each item, or None when all stand alone.

    Returns:
        1.0 where nothing tells them apart.
    """
    from scipy.stats import binom, binomtest

    codes, total = cluster_codes(clusters, len(correct_a))
    change = correct_b.astype(int) - correct_a.astype(int)
    if total == len(change):
        gained, lost = int((change > 0).sum()), int((change < 0).sum())
        return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    sums = np.bincount(codes, change, minlength=total).astype(int)
    sizes, times = np.unique(np.abs(sums[sums != 0]), return_counts=True)
    chances = np.ones(1)  # of 0, 1, 2, … items in favour of B, over all tosses
    for size, often in zip(sizes.tolist(), times.tolist(), strict=True):
        tosses = np.zeros(size * often + 1)
        tosses[::size] = binom.pmf(np.arange(often + 1), often, 0.5)
        chances = np.convolve(chances, tosses)
    net = 2 * np.arange(len(chances)) - (len(chances) - 1)
    return min(1.0, float(chances[np.abs(net) >= abs(int(sums.sum()))].sum()))


def items_needed(difference: Estimate) -> int | None:
    """Returns how many items would show a difference of this size four times in five.

    The standard error behind an interval shrinks with the root of the number of items; a test at
    5 % with a power of 80 % needs a difference of 2.8 standard errors (Connor, Biometrics 1987,
    for paired proportions).

    Args:
        difference: A paired difference of accuracies, taken to be the true one.

    Returns:
        Two significant digits, rounded up; None where there is no difference. Where very few
        answers differ it errs on the side of too many, as the interval does.
    """
    size = abs(difference.value)
    if not size:
        return None
    ends = NormalDist().inv_cdf(1 - _LEVEL / 2)
    error = (difference.high - difference.low) / (2 * ends)
    items = difference.n * ((ends + NormalDist().inv_cdf(_POWER)) * error / size) ** 2
    items = max(items, _FEWEST / size)
    unit = 10 ** max(0, math.floor(math.log10(items)) - 1)
    return math.ceil(items / unit) * unit


def compare_statistics(
    first: dict[str, Statistic],
    second: dict[str, Statistic],
    primary: Measure,
    *,
    names: tuple[str, str] = ("A", "B"),
    notes: tuple[str, ...] = (),
    clusters: np.ndarray | None = None,
    seed: int = 0,
) -> Comparison:
    """Compares two models on the same items by any measure.

    A difference counts as shown when the test says p < 0.05 and the interval excludes zero: the
    two are made differently and now and then disagree by a hair.

    Args:
        first: Measure -> statistic of A over N items, at least two of them independent.
        second: Of B, over the same items.
        primary: The measure that decides.
        names: Which ones A and B are.
        notes: Passed on.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Seed of bootstrap and randomisation.

    Raises:
        ValueError: If there are fewer than two items or clusters, or not the same items.
    """
    a, b = first[primary.key], second[primary.key]
    _, total = cluster_codes(clusters, a.n)
    if total < 2:
        raise ValueError(f"need two items that are independent of each other, got {total}")
    change = difference(b, a, clusters, seed=seed)
    p_value, test = _chance(a, b, clusters, seed)
    shown = p_value < _LEVEL and not change.low <= 0 <= change.high
    counted = a.interval == "wilson"
    needed = items_needed(change) if counted and not shown else None
    return Comparison(
        first=names[0],
        second=names[1],
        primary=primary.key,
        summary=_verdict(change, p_value, shown, needed, primary),
        better=None if not shown else "B" if primary.better(change.value) else "A",
        values=(estimate(a, clusters, seed=seed), estimate(b, clusters, seed=seed)),
        differences={primary.key: change}
        | {
            key: difference(second[key], first[key], clusters, seed=seed)
            for key in first
            if key != primary.key
        },
        p_value=p_value,
        test=test,
        answers=_answers(a, b) if counted else {},
        needed=needed,
        notes=notes,
    )


def _chance(
    a: Statistic, b: Statistic, clusters: np.ndarray | None, seed: int
) -> tuple[float, str]:
    """Returns the p-value of "A and B are equally good", and the name of the test."""
    codes, total = cluster_codes(clusters, a.n)
    alone = total == a.n
    if a.interval == "wilson" and a.outcomes is not None and b.outcomes is not None:
        p_value = paired_test(a.outcomes > 0, b.outcomes > 0, clusters)
        return p_value, "McNemar, exact" if alone else f"randomisation of {total} clusters, exact"
    name = f"randomisation of {total} {'items' if alone else 'clusters'}"
    if a.outcomes is not None and b.outcomes is not None:
        return _randomised(b.outcomes - a.outcomes, codes, total, seed), name
    draws = resample(lambda weights: b(weights) - a(weights), codes, seed=seed)
    if total < FEW and a.bounds[1] == 1.0:  # as the interval is, which the test must not deny
        from scipy.stats import t

        change = b.value - a.value
        variance, freedom = pooled_variance(change, draws, clusters=total, signed=True)
        return float(
            2 * t.sf(abs(change) / math.sqrt(variance), freedom)
        ), "Student's t, pooled as for few"
    centred = draws - np.nanmedian(draws)
    seen = abs(b.value - a.value)
    return float((1 + (np.abs(centred) >= seen).sum()) / (1 + len(draws))), "bootstrap"


def _randomised(change: np.ndarray, codes: np.ndarray, total: int, seed: int) -> float:
    """Returns the p-value of exchanging A and B cluster by cluster by the toss of a coin.

    Fisher's randomisation test with 9,999 draws: nothing is assumed about how errors are
    distributed.
    """
    from scipy.stats import permutation_test

    sums = np.bincount(codes, change, minlength=total)
    found = permutation_test(
        (sums, np.zeros(total)), lambda a, b, axis: (a - b).mean(axis=axis), n_resamples=9999,
        permutation_type="samples", vectorized=True, rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(found.pvalue)


def _answers(a: Statistic, b: Statistic) -> dict[str, int]:
    """Returns how many items both, only one, or neither got right."""
    assert a.outcomes is not None
    assert b.outcomes is not None
    one, other = a.outcomes > 0, b.outcomes > 0
    return {
        "both": int((one & other).sum()),
        "only_a": int((one & ~other).sum()),
        "only_b": int((~one & other).sum()),
        "neither": int((~one & ~other).sum()),
    }


def _verdict(
    change: Estimate, p_value: float, shown: bool, needed: int | None, primary: Measure
) -> str:
    """Says in one sentence what the test found; from the view of the better one."""
    chance = "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"
    scale, unit = (100, " percentage points") if primary.unit == "share" else (1, "")
    value, low, high = (scale * each for each in (change.value, change.low, change.high))
    best, other = ("B", "A") if primary.better(value) or not value else ("A", "B")
    if value < 0:
        value, low, high = -value, -high, -low
    digits = ".1f" if scale == 100 else ".3g"
    size = f"{value:{digits}}{unit}"
    interval = f"({low:z{digits}} to {high:z{digits}}; {chance})"
    way = "higher" if primary.larger_is_better else "lower"
    if shown:
        return f"{best} is better than {other}: its {primary.words} is {way} by {size} {interval}."
    if not change.value:
        return (
            f"No difference can be shown: the {primary.words} of both is the same here; B minus A "
            f"is {size} {interval}."
        )
    seen = f"the {primary.words} of {best} is {way} by {size} here {interval}"
    if needed is None:
        return f"No difference can be shown: {seen}, which may be chance."
    return (
        f"No difference can be shown: {seen}, which may be chance; were it real, about {needed:,} "
        f"test images would be needed to show it."
    )
