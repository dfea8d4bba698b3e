"""Calibration: whether a confidence of 90 % is right nine times in ten.

Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML
2017, for the expected calibration error and for temperature scaling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.metrics.statistic import Statistic

__all__ = [
    "Bin",
    "apply_temperature",
    "calibration_error",
    "fit_temperature",
    "reliability",
]

BINS = 15
_COLDEST, _HOTTEST = 0.05, 20.0


@dataclass(frozen=True)
class Bin:
    """Items of like confidence.

    Attributes:
        low: Lower edge of the confidences, exclusive (inclusive at zero).
        high: Upper edge, inclusive.
        confidence: Mean confidence of the items.
        accuracy: Share of the items that were classified correctly.
        n: Number of items.
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    n: int


def _bin_of(confidences: np.ndarray, bins: int) -> np.ndarray:
    """(N,) int bin of each confidence; bins of equal width, closed above as in the paper."""
    return np.asarray(np.clip(np.ceil(confidences * bins).astype(int) - 1, 0, bins - 1))


def reliability(
    confidences: np.ndarray, correct: np.ndarray, *, bins: int = BINS
) -> tuple[Bin, ...]:
    """Returns the reliability diagram's bins of equal width, without the empty ones.

    Args:
        confidences: (N,) probability of the predicted class.
        correct: (N,) bool, whether the prediction was right.
        bins: Bins over [0, 1].
    """
    place = _bin_of(confidences, bins)
    n = np.bincount(place, minlength=bins)
    confidence = np.bincount(place, confidences, minlength=bins)
    right = np.bincount(place, correct, minlength=bins)
    return tuple(
        Bin(
            i / bins, (i + 1) / bins, float(confidence[i] / n[i]), float(right[i] / n[i]), int(n[i])
        )
        for i in np.flatnonzero(n)
    )


def calibration_error(
    confidences: np.ndarray, correct: np.ndarray, *, bins: int = BINS
) -> Statistic:
    """Returns the expected calibration error (ECE) as a statistic.

    The mean distance between confidence and accuracy over bins of equal width. It is biased
    upwards for few items: a perfectly calibrated model does not score zero.

    Args:
        confidences: (N,) probability of the predicted class.
        correct: (N,) bool, whether the prediction was right.
        bins: Bins over [0, 1].
    """
    place = _bin_of(confidences, bins)
    gaps = np.zeros((len(place), bins))
    gaps[np.arange(len(place)), place] = confidences - correct

    def of(weights: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1))

    return Statistic(of, len(place))


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Returns the temperature that makes the log-loss of held-out logits least.

    The loss is convex in 1/T, so Newton's method with a bracket finds it in a few steps (no
    need to import an optimiser for it). The truth counts as (N+1)/(N+2) rather than 1, the
    correction of Platt (1999), without which logits that make no mistake would be trusted
    without limit.

    Args:
        logits: (N, C) unnormalised log-probabilities that were not fitted on these items;
            rows that are not finite are left out.
        targets: (N,) int true classes; negative means unknown and is left out.

    Returns:
        T within [0.05, 20]; 1.0 when there is nothing to fit.
    """
    known = np.isfinite(logits).all(axis=1) & (targets >= 0)
    z, truth = logits[known].astype(np.float64), targets[known]
    n, classes = z.shape
    if not n or classes < 2:
        return 1.0
    z = z - z.max(axis=1, keepdims=True)
    doubt = 1 / (n + 2)
    right = z[np.arange(n), truth]
    # Mean logit under the smoothed truth; what the model's own mean must equal at the optimum.
    wanted = (1 - doubt) * right + doubt * (z.sum(axis=1) - right) / (classes - 1)
    low, high = 1 / _HOTTEST, 1 / _COLDEST
    beta = 1.0
    for _ in range(60):
        weights = np.exp(beta * z)
        weights /= weights.sum(axis=1, keepdims=True)
        mean = (weights * z).sum(axis=1)
        slope = float((mean - wanted).mean())
        bend = float(((weights * z * z).sum(axis=1) - mean * mean).mean())
        low, high = (beta, high) if slope < 0 else (low, beta)
        step = beta - slope / bend if bend > 0 else -1.0
        new = step if low < step < high else (low * high) ** 0.5
        if abs(new - beta) <= 1e-9 * beta:
            break
        beta = new
    return float(np.clip(1 / beta, _COLDEST, _HOTTEST))


def apply_temperature(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Returns (N, C) probabilities: the softmax of `logits / temperature`.

    Args:
        logits: (N, C); a row with NaN gives a row of NaN.
        temperature: Positive; above one makes the model less sure.

    Raises:
        ValueError: If the temperature is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    scaled = np.asarray(logits) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))
