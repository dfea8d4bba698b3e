"""Measures of predicted numbers, each with an interval that respects clusters.

Names and definitions are scikit-learn's; the tests compare with it.
"""

from __future__ import annotations

import numpy as np

from headstart.metrics.statistic import Statistic, mean, proportion

__all__ = ["regression_statistics"]


def regression_statistics(
    predicted: np.ndarray, truth: np.ndarray, *, low: np.ndarray, high: np.ndarray
) -> dict[str, Statistic]:
    """Returns the measures of predicted numbers.

    Args:
        predicted: (N,) numbers.
        truth: (N,) true numbers.
        low: (N,) lower ends of the prediction intervals.
        high: (N,) upper ends.

    Returns:
        ``mean_absolute_error`` and ``root_mean_squared_error`` in the unit of the numbers, ``r2``
        (1 is perfect, 0 no better than the mean) and ``interval_coverage``, the share of true
        numbers inside their intervals.
    """
    miss = predicted - truth
    squared = mean(miss**2)

    def r2(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1)
        spread = weights @ truth**2 / total - (weights @ truth / total) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(spread > 1e-12, 1 - (weights @ miss**2 / total) / spread, np.nan)

    return {
        "mean_absolute_error": mean(np.abs(miss)),
        "root_mean_squared_error": Statistic(
            lambda weights: np.sqrt(squared(weights)), len(miss), (0.0, np.inf)
        ),
        "r2": Statistic(r2, len(miss), (-np.inf, 1.0)),
        "interval_coverage": proportion((truth >= low) & (truth <= high)),
    }
