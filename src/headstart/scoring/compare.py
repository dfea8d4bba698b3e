"""`compare_answers`: whether two classifiers really differ, by their answers to the same items.

Two accuracies whose intervals overlap may still differ beyond doubt: most items are easy, or hard,
for both, and only those that one of the two classified correctly tell them apart. So the items are
compared in pairs, which takes far fewer of them than comparing two accuracies does.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from headstart.metrics.classification import balanced_accuracy, count, log_loss
from headstart.metrics.interval import (
    cluster_bootstrap,
    cluster_codes,
    effective_wilson,
    paired_difference,
    resample,
    wilson,
)
from headstart.metrics.regression import mean_difference
from headstart.records import Estimate

__all__ = ["Comparison", "compare_answers", "compare_numbers", "items_needed", "paired_test"]

_LEVEL = 0.05  # of the test; the intervals' 95 % are its complement
_POWER = 0.8
_FEWEST = 6  # fewer answers, all in favour of one side, never reach p < 0.05: 2 / 2**5 > 0.05


@dataclass(frozen=True)
class Comparison:
    """Two classifiers, A and B, on the same items. Every difference is B minus A.

    Attributes:
        first: Which one A is.
        second: Which one B is.
        summary: The verdict, in one sentence.
        better: The more accurate one (of numbers: the one that is less far off), where the test
            shows that there is one.
        accuracies: Of A and of B on the common items.
        differences: accuracy, balanced_accuracy and log_loss (where less is better); of numbers
            mean_absolute_error too, likewise.
        p_value: How often chance alone would tell two equal classifiers so far apart.
        test: What gave `p_value`.
        answers: Items that both, only A, only B and neither classified correctly: both, only_a,
            only_b, neither.
        needed: About how many test items would show a difference of this size; None where a
            difference is shown, or none was seen.
        notes: What else must be known to read the verdict, one sentence each.
    """

    first: str
    second: str
    summary: str
    better: Literal["A", "B"] | None
    accuracies: tuple[Estimate, Estimate]
    differences: dict[str, Estimate]
    p_value: float
    test: str
    answers: dict[str, int]
    needed: int | None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Comparison(A={self.first!r}, B={self.second!r}: {self.summary})"

    def _repr_html_(self) -> str:
        from html import escape

        names = (f"A: {self.first}", f"B: {self.second}")
        rows = [
            *zip(names, self.accuracies, strict=True),
            *((f"B − A: {name}", value) for name, value in self.differences.items()),
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


def compare_answers(
    targets: np.ndarray,
    labels: tuple[np.ndarray, np.ndarray],
    probabilities: tuple[np.ndarray, np.ndarray],
    *,
    names: tuple[str, str] = ("A", "B"),
    notes: tuple[str, ...] = (),
    clusters: np.ndarray | None = None,
    seed: int = 0,
) -> Comparison:
    """Compares two classifiers on the same items.

    A difference counts as shown when the exact test says p < 0.05 and the interval excludes zero:
    the two are made differently and now and then disagree by a hair.

    Args:
        targets: (N,) int true classes, all known; N at least 2.
        labels: (N,) int predicted classes of A, and of B.
        probabilities: (N, C) of A, and of B; for the log-loss.
        names: Which ones A and B are.
        notes: Passed on.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: If there are fewer than two items or clusters, or shapes do not fit.
    """
    n = len(targets)
    shapes = [each.shape for each in (*labels, *probabilities)]
    if shapes[:2] != [(n,)] * 2 or shapes[2] != shapes[3] or shapes[2][:1] != (n,):
        raise ValueError(f"labels and probabilities of {n} items expected, got {shapes}")
    _, total = cluster_codes(clusters, n)
    if total < 2:
        raise ValueError(f"need two items that are independent of each other, got {total}")
    right = (labels[0] == targets, labels[1] == targets)
    difference = paired_difference(right[1], right[0], clusters, seed=seed)
    p_value = paired_test(*right, clusters)
    shown = p_value < _LEVEL and not difference.low <= 0 <= difference.high
    needed = None if shown else items_needed(difference)
    return Comparison(
        first=names[0],
        second=names[1],
        summary=_verdict(difference, p_value, shown, needed),
        better=None if not shown else "B" if difference.value > 0 else "A",
        accuracies=(_accuracy(right[0], clusters, seed), _accuracy(right[1], clusters, seed)),
        differences={
            "accuracy": difference,
            "balanced_accuracy": _balanced(
                targets, labels, probabilities[0].shape[1], clusters, seed
            ),
            "log_loss": _loss(targets, probabilities, clusters, seed),
        },
        p_value=p_value,
        test="McNemar, exact" if total == n else f"randomisation of {total} clusters, exact",
        answers={
            "both": int((right[0] & right[1]).sum()),
            "only_a": int((right[0] & ~right[1]).sum()),
            "only_b": int((~right[0] & right[1]).sum()),
            "neither": int((~right[0] & ~right[1]).sum()),
        },
        needed=needed,
        notes=notes,
    )


def compare_numbers(
    comparison: Comparison,
    errors: tuple[np.ndarray, np.ndarray],
    *,
    clusters: np.ndarray | None = None,
    seed: int = 0,
) -> Comparison:
    """Lets the verdict be about predicted numbers instead of the ranges they fall into.

    The test exchanges the errors of A and B on one item by the toss of a coin (Fisher's
    randomisation test, 9,999 draws), so nothing is assumed about how errors are distributed.

    Args:
        comparison: Of the ranges, from `compare_answers`.
        errors: (N,) absolute errors of A, and of B, on the same items.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Of bootstrap and randomisation.
    """
    from scipy.stats import permutation_test

    change = _paired(mean_difference(errors[1], errors[0], clusters, seed=seed))
    codes, total = cluster_codes(clusters, len(errors[0]))
    sums = np.bincount(codes, errors[1] - errors[0], minlength=total)
    found = permutation_test(
        (sums, np.zeros(total)), lambda a, b, axis: (a - b).mean(axis=axis), n_resamples=9999,
        permutation_type="samples", vectorized=True, rng=np.random.default_rng(seed),
    )  # fmt: skip
    p_value = float(found.pvalue)
    shown = p_value < _LEVEL and not change.low <= 0 <= change.high
    best: Literal["A", "B"] = "B" if change.value < 0 else "A"
    other = "A" if best == "B" else "B"
    ends = sorted((abs(change.low), abs(change.high)))
    chance = "p < 0.001" if p_value < 1e-3 else f"p = {p_value:.2g}"
    if shown:
        summary = (
            f"{best} is less far off than {other}, by {abs(change.value):.3g} on average "
            f"({ends[0]:.3g} to {ends[1]:.3g}; {chance})."
        )
    else:
        summary = (
            f"No difference can be shown: B's mean absolute error minus A's is {change.value:+.3g} "
            f"({change.low:+.3g} to {change.high:+.3g}; {chance})."
        )
    return dataclasses.replace(
        comparison, summary=summary, better=best if shown else None, p_value=p_value,
        test=f"randomisation of {total} {'items' if total == len(codes) else 'clusters'}",
        needed=None,
        differences={"mean_absolute_error": change} | comparison.differences,
    )  # fmt: skip


def _accuracy(right: np.ndarray, clusters: np.ndarray | None, seed: int) -> Estimate:
    """Returns the accuracy with the interval that `metrics.classification.measure` gives it."""
    codes, total = cluster_codes(clusters, len(right))
    if total == len(right):
        return wilson(int(right.sum()), len(right))
    draws = resample(lambda weights: weights @ right / weights.sum(axis=1), codes, seed=seed)
    return effective_wilson(float(right.mean()), draws, n=len(right), clusters=total)


def _balanced(
    targets: np.ndarray,
    labels: tuple[np.ndarray, np.ndarray],
    classes: int,
    clusters: np.ndarray | None,
    seed: int,
) -> Estimate:
    n = len(targets)
    if ((labels[0] == targets) == (labels[1] == targets)).all():
        # Resampling knows nothing here, and would claim to be certain. A mean over the classes
        # is worth as many items as the harmonic mean of their numbers says.
        sizes = np.bincount(targets)
        sizes = sizes[sizes > 0]
        worth = len(sizes) ** 2 / float((1 / sizes).sum()) * cluster_codes(clusters, n)[1] / n
        same = np.ones(max(1, round(worth)), bool)
        return dataclasses.replace(paired_difference(same, same), n=n)

    def statistic(weights: np.ndarray) -> np.ndarray:
        a, b = (balanced_accuracy(count(weights, targets, each, classes)) for each in labels)
        return b - a

    return _paired(cluster_bootstrap(statistic, clusters, n=n, bounds=(-1.0, 1.0), seed=seed))


def _loss(
    targets: np.ndarray,
    probabilities: tuple[np.ndarray, np.ndarray],
    clusters: np.ndarray | None,
    seed: int,
) -> Estimate:
    change = log_loss(probabilities[1], targets) - log_loss(probabilities[0], targets)
    return _paired(
        cluster_bootstrap(
            lambda weights: weights @ change / weights.sum(axis=1),
            clusters,
            n=len(change),
            bounds=(-np.inf, np.inf),
            seed=seed,
        )
    )


def _paired(estimate: Estimate) -> Estimate:
    return dataclasses.replace(estimate, method=f"paired {estimate.method}")


def _verdict(difference: Estimate, p_value: float, shown: bool, needed: int | None) -> str:
    """Says in one sentence what the test found; from the view of the more accurate one."""
    chance = "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"
    value, low, high = (100 * each for each in (difference.value, difference.low, difference.high))
    best, other = "B", "A"
    if value < 0:
        best, other = other, best
        value, low, high = -value, -high, -low
    interval = f"({low:z.1f} to {high:z.1f}; {chance})"
    if shown:
        return f"{best} is more accurate than {other} by {value:.1f} percentage points {interval}."
    if needed is None:
        return (
            f"No difference can be shown: both are equally accurate here; B minus A is "
            f"{value:.1f} percentage points {interval}."
        )
    return (
        f"No difference can be shown: {best} is {value:.1f} percentage points more accurate here "
        f"{interval}, which may be chance; were it real, about {needed:,} test images would be "
        f"needed to show it."
    )
