"""`score_numbers`: what is measured of predicted numbers, in the layout of `metrics.json`."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.metrics.regression import mean_difference, measure_numbers
from headstart.records import Predictions

__all__ = ["score_numbers"]

_DRAWN = 1500


def score_numbers(
    predictions: Predictions,
    truth: np.ndarray,
    *,
    constant: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Scores predicted numbers against the true ones; items without either are left out.

    Args:
        predictions: With a scale.
        truth: (N,) true numbers, NaN where unknown.
        constant: (N,) the constant (median) baseline: the median of what was learnt from.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Seed of the bootstrap.

    Returns:
        ``test`` (Estimates), ``baseline`` and ``gain`` (mean absolute error of the constant, and
        how much less the model's is) where a constant is given, and ``points`` to draw: truth,
            predicted, low, high.

    Raises:
        ValueError: If the predictions have no scale, or no item is left.
    """
    predicted = predictions.numbers
    if predicted is None:
        raise ValueError("predictions of classes have no numbers to score")
    kept = np.flatnonzero(~np.isnan(predicted[:, 0]) & ~np.isnan(truth))
    if not len(kept):
        raise ValueError("no readable item with a known number is left to score")
    predicted, truth = predicted[kept], truth[kept]
    groups = None if clusters is None else np.asarray(clusters)[kept]
    result: dict[str, Any] = {"test": measure_numbers(predicted, truth, groups, seed=seed)}
    if constant is not None:
        missed = np.abs(constant[kept] - truth)
        nothing = np.zeros(len(truth))
        result["baseline"] = mean_difference(missed, nothing, groups, seed=seed)
        own = np.abs(predicted[:, 0] - truth)
        result["gain"] = mean_difference(missed, own, groups, seed=seed)
    drawn = np.linspace(0, len(truth) - 1, min(_DRAWN, len(truth))).astype(int)
    points = np.column_stack([truth, predicted])[drawn]
    result["points"] = np.round(points, 4).tolist()
    return result
