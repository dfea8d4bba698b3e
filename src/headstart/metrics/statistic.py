"""`Statistic`: a measure as a function of item weights, the hub of every honest number.

Intervals, paired differences, subgroups, learning curves and the check of int8 wrap any of them:
accuracy, mean absolute error, recall@1, mean average precision. What they need of a measure is
only its value under other weights of the items.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headstart.metrics.interval import (
    Weighted,
    cluster_bootstrap,
    cluster_codes,
    effective_wilson,
    paired_difference,
    resample,
    wilson,
)
from headstart.records import Estimate

__all__ = ["Measure", "Statistic", "difference", "estimate", "mean", "proportion", "restrict"]

Estimator = Callable[[np.ndarray | None, int], Estimate]


@dataclass(frozen=True)
class Measure:
    """What a number is called, and which way is better.

    Attributes:
        key: In JSON, such as ``"mean_absolute_error"``.
        words: For people, such as ``"mean absolute error"``.
        larger_is_better: False where less is better.
        unit: ``"share"`` is shown in per cent, ``"plain"`` as it is.
        meaning: One plain sentence beside the term.
        counted: Whether it is the share of images that are right: "of 100 new images, 93".
    """

    key: str
    words: str
    larger_is_better: bool = True
    unit: Literal["share", "plain"] = "share"
    meaning: str = ""
    counted: bool = True

    def better(self, change: float) -> bool:
        """Whether a change of the measure is for the better."""
        return change > 0 if self.larger_is_better else change < 0


@dataclass(frozen=True)
class Statistic:
    """One measure of N items.

    Attributes:
        of: Maps (B, N) weights to (B,) values.
        n: N.
        bounds: Smallest and largest possible value.
        outcomes: (N,) float where the measure is their weighted mean; else None.
        interval: ``"wilson"`` for proportions, at the effective sample size where items are
            clustered; ``"effective"`` for means of proportions (balanced accuracy, F1);
            ``"bootstrap"`` for all else.
        own: An interval that only this measure has (the area under the ROC curve).
        absent: Classes that had no item and were left out; said in the method.
        worth: How many items it is worth where resampling knows nothing: N, or fewer for a mean
            over classes of different sizes.
        inflation: Of the variance, where several models answered (`fold_inflation`).
    """

    of: Weighted
    n: int
    bounds: tuple[float, float] = (0.0, 1.0)
    outcomes: np.ndarray | None = None
    interval: Literal["wilson", "effective", "bootstrap"] = "bootstrap"
    own: Estimator | None = None
    absent: int = 0
    worth: float | None = None
    inflation: float = 1.0

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Returns (B,) values under (B, N) weights."""
        return np.asarray(self.of(weights))

    @property
    def value(self) -> float:
        """The measure of all items, each counting once."""
        return float(self(np.ones((1, self.n)))[0])


def mean(values: np.ndarray, *, bounds: tuple[float, float] = (0.0, math.inf)) -> Statistic:
    """Returns the mean of (N,) values as a statistic."""
    values = np.asarray(values, float)
    return Statistic(
        lambda weights: weights @ values / weights.sum(axis=1), len(values), bounds, values
    )


def proportion(successes: np.ndarray) -> Statistic:
    """Returns the share of (N,) bool successes as a statistic."""
    return dataclasses.replace(mean(successes, bounds=(0.0, 1.0)), interval="wilson")


def estimate(
    statistic: Statistic, clusters: np.ndarray | None = None, *, seed: int = 0
) -> Estimate:
    """Returns the value of a statistic with its interval.

    Args:
        statistic: Of N items.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Of the bootstrap.
    """
    if statistic.own is not None:
        found = statistic.own(clusters, seed)
    elif statistic.interval == "bootstrap":
        found = cluster_bootstrap(
            statistic.of, clusters, n=statistic.n, bounds=statistic.bounds, seed=seed,
            inflation=statistic.inflation,
        )  # fmt: skip
    else:
        found = _share(statistic, clusters, seed)
    said = found.method
    if statistic.inflation > 1:
        said += ", wider for folds that share training images"
    if statistic.absent:
        said += f", {statistic.absent} absent left out"
    return dataclasses.replace(found, method=said)


def _share(statistic: Statistic, clusters: np.ndarray | None, seed: int) -> Estimate:
    n = statistic.n
    codes, total = cluster_codes(clusters, n)
    if statistic.interval == "wilson" and total == n and statistic.outcomes is not None:
        factor = statistic.inflation
        flat = wilson(float(statistic.outcomes.sum()) / factor, n / factor)
        return dataclasses.replace(flat, n=n)
    draws = resample(statistic.of, codes, seed=seed)
    return effective_wilson(
        statistic.value, draws, n=n, clusters=total, inflation=statistic.inflation
    )


def difference(
    first: Statistic, second: Statistic, clusters: np.ndarray | None = None, *, seed: int = 0
) -> Estimate:
    """Returns the first minus the second on the same items, paired.

    Args:
        first: Of N items.
        second: Of the same.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Of the bootstrap.

    Raises:
        ValueError: If they are not of equally many items.
    """
    if first.n != second.n:
        raise ValueError(f"need the same items twice, got {first.n} and {second.n}")
    one, other = first.outcomes, second.outcomes
    if first.interval == "wilson" and one is not None and other is not None:
        return paired_difference(one, other, clusters, seed=seed)
    width = first.bounds[1] - first.bounds[0]
    ends = (-width, width)
    found = cluster_bootstrap(
        lambda weights: first(weights) - second(weights), clusters, n=first.n, bounds=ends,
        seed=seed,
    )  # fmt: skip
    if first.interval == "effective" and found.low == found.high:
        return _never_varied(first, found.value, clusters)
    return dataclasses.replace(found, method=f"paired {found.method}")


def _never_varied(statistic: Statistic, value: float, clusters: np.ndarray | None) -> Estimate:
    """Returns a paired difference that is the same in every replicate.

    Resampling knows nothing there and would claim to be certain: the formula for as many pairs as
    the measure is worth.
    """
    n = statistic.n
    worth = max(1, round((statistic.worth or n) * cluster_codes(clusters, n)[1] / n))
    apart = np.arange(worth) < round(abs(value) * worth)
    pair = (apart, np.zeros(worth, bool)) if value > 0 else (np.zeros(worth, bool), apart)
    return dataclasses.replace(paired_difference(*pair), value=value, n=n)


def restrict(statistic: Statistic, kept: np.ndarray) -> Statistic:
    """Returns the statistic of some items, as a function of weights of those alone.

    Args:
        statistic: Of N items.
        kept: (N,) bool, M of them true.
    """
    if statistic.outcomes is not None:
        plain = mean(statistic.outcomes[kept], bounds=statistic.bounds)
        return dataclasses.replace(
            plain, interval=statistic.interval, inflation=statistic.inflation
        )

    def of(weights: np.ndarray) -> np.ndarray:
        whole = np.zeros((len(weights), statistic.n))
        whole[:, kept] = weights
        return statistic(whole)

    return dataclasses.replace(statistic, of=of, n=int(kept.sum()), own=None, worth=None)
