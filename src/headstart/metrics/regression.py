"""Measures of predicted numbers, each with an interval that respects clusters.

Names and definitions are scikit-learn's; the tests compare with it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headstart.metrics.interval import cluster_bootstrap
from headstart.records import Estimate

__all__ = ["mean_difference", "measure_numbers"]

Statistic = Callable[[np.ndarray], np.ndarray]


def measure_numbers(
    numbers: np.ndarray,
    truth: np.ndarray,
    clusters: np.ndarray | None = None,
    *,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Measures predicted numbers against the truth.

    Args:
        numbers: (N, 3) number predicted and the ends of its range (`Bins.numbers`).
        truth: (N,) true numbers.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Seed of the bootstrap.

    Returns:
        ``mean_absolute_error`` and ``root_mean_squared_error`` in the unit of the numbers, ``r2``
        (1 is perfect, 0 no better than the mean) and ``coverage``, the share of true numbers inside
        the ranges predicted.
    """
    n = len(truth)
    miss = numbers[:, 0] - truth
    inside = ((truth >= numbers[:, 1]) & (truth <= numbers[:, 2])).astype(float)

    def mean(values: np.ndarray) -> Statistic:
        return lambda weights: weights @ values / weights.sum(axis=1)

    def r2(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1)
        spread = weights @ truth**2 / total - (weights @ truth / total) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(spread > 1e-12, 1 - (weights @ miss**2 / total) / spread, np.nan)

    def estimate(statistic: Statistic, low: float, high: float) -> Estimate:
        return cluster_bootstrap(statistic, clusters, n=n, bounds=(low, high), seed=seed)

    squared = mean(miss**2)
    return {
        "mean_absolute_error": estimate(mean(np.abs(miss)), 0.0, np.inf),
        "root_mean_squared_error": estimate(lambda weights: np.sqrt(squared(weights)), 0.0, np.inf),
        "r2": estimate(r2, -np.inf, 1.0),
        "coverage": estimate(mean(inside), 0.0, 1.0),
    }


def mean_difference(
    first: np.ndarray, second: np.ndarray, clusters: np.ndarray | None = None, *, seed: int = 0
) -> Estimate:
    """Returns the mean of first minus second over the same items, such as of absolute errors.

    Args:
        first: (N,) float.
        second: (N,) float.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Seed of the bootstrap.
    """
    change = first - second
    return cluster_bootstrap(
        lambda weights: weights @ change / weights.sum(axis=1), clusters, n=len(change),
        bounds=(-np.inf, np.inf), seed=seed,
    )  # fmt: skip
