"""Calibration: whether a confidence of 90 % is right nine times in ten.

Sources: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017,
for the diagram and for temperature scaling; Kumar, Liang and Ma, "Verified uncertainty
calibration", NeurIPS 2019, for the error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headstart.metrics.interval import cluster_codes
from headstart.metrics.statistic import Statistic
from headstart.records import Estimate

__all__ = [
    "Bin",
    "apply_temperature",
    "calibration_error",
    "fit_temperature",
    "reliability",
]

BINS = 15
_MASSES, _FEWEST = 10, 5  # bins of equally many items, and the fewest in one
_TAIL, _DRAWS, _STEPS = 0.025, 1000, 201
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
    confidences: np.ndarray, correct: np.ndarray, *, bins: int = _MASSES
) -> Statistic:
    """Returns the debiased root mean square calibration error as a statistic.

    The root of the mean squared distance between confidence and accuracy, over bins of equally
    many items. The mean distance over bins (the "expected calibration error") is biased upwards:
    of 100 items a perfectly calibrated model scores some 8 %, and no resampling takes that out.
    The squared distance can be estimated without bias: products of *pairs* of items of a bin take
    the place of squares (Kumar, Liang and Ma, "Verified uncertainty calibration", NeurIPS 2019;
    as a U-statistic: Widmann, Lindsten and Zachariah, NeurIPS 2019). Pairs of one cluster do not
    count. Zero means that the distances are no larger than chance makes them.

    Args:
        confidences: (N,) probability of the predicted class.
        correct: (N,) bool, whether the prediction was right.
        bins: Bins of equally many items; fewer where items are few.
    """
    gaps = np.asarray(confidences, float) - correct
    place = _masses(confidences, bins)
    member = np.zeros((len(place), int(place.max(initial=0)) + 1))
    member[np.arange(len(place)), place] = 1

    def of(weights: np.ndarray) -> np.ndarray:
        pairs = (weights @ member) ** 2 - weights**2 @ member
        products = (weights @ (member * gaps[:, None])) ** 2 - weights**2 @ (
            member * gaps[:, None] ** 2
        )
        return _root(products, pairs, weights @ member)

    def own(clusters: np.ndarray | None, seed: int) -> Estimate:
        return _calibration_interval(gaps, member, clusters, seed)

    return Statistic(of, len(place), own=own)


def _masses(confidences: np.ndarray, bins: int) -> np.ndarray:
    """(N,) int bin of each confidence; equally many in each, equal confidences together."""
    n = len(confidences)
    bins = max(1, min(bins, n // _FEWEST))
    inner = np.sort(confidences)[(np.arange(1, bins) * n) // bins] if n else np.zeros(0)
    place = np.searchsorted(np.unique(inner), confidences, side="right")
    return np.asarray(np.unique(place, return_inverse=True)[1])


def _root(products: np.ndarray, pairs: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(B,) roots of the mean over bins, from (B, K) sums over pairs; below zero is zero."""
    squares = np.where(pairs > 0, products / np.where(pairs > 0, pairs, 1), 0.0)
    return np.sqrt(np.maximum((squares * sizes).sum(axis=-1) / sizes.sum(axis=-1), 0.0))


def _calibration_interval(
    gaps: np.ndarray, member: np.ndarray, clusters: np.ndarray | None, seed: int
) -> Estimate:
    """Returns the calibration error with the errors that would not surprise.

    The summed gaps of the bins are about normal, so that their mean square is distributed like a
    non-central chi-square; the interval holds the errors under which what was seen is neither too
    large nor too small. What comes out below zero bounds no better than zero does.
    """
    n, bins = member.shape
    codes, total = cluster_codes(clusters, n)
    method = f"root mean square over {bins} bins of equally many, debiased; chi-square 95%"
    if total < n:
        method += f", {total} clusters"

    def sums(values: np.ndarray) -> np.ndarray:
        table = np.zeros((total, bins))
        np.add.at(table, codes, values)
        return table

    sizes = member.sum(axis=0)
    counts, off = sums(member), sums(member * gaps[:, None])
    pairs = sizes**2 - (counts**2).sum(axis=0)
    value = float(_root(off.sum(axis=0) ** 2 - (off**2).sum(axis=0), pairs, sizes))
    centred = off - counts * (off.sum(axis=0) / sizes)
    shared = np.sqrt(np.where(pairs > 0, sizes**2 / np.where(pairs > 0, pairs, 1), 1.0))
    spread = centred.T @ centred * np.outer(shared, shared)
    # Items that are all right, or all wrong, know nothing of chance: one mistake more is possible.
    lacking = max(n / total - float(np.trace(spread)), 0.0)
    spread += np.diag(lacking * sizes / n)
    scale = np.sqrt(sizes * n)
    low, high = _plausible(value**2, spread / np.outer(scale, scale), np.sqrt(sizes / n), seed)
    return Estimate(value, min(low, value), min(max(high, value), 1.0), n, method)


def _plausible(
    square: float, spread: np.ndarray, way: np.ndarray, seed: int
) -> tuple[float, float]:
    """Returns the smallest and largest error that go with an observed one.

    Args:
        square: Debiased mean square, not below zero.
        spread: (K, K) covariance of the noise; its trace is the noise's own mean square.
        way: (K,) unit vector, where the errors of the bins point to.
        seed: Of the noise.
    """
    roots, axes = np.linalg.eigh(spread)
    roots = np.sqrt(np.maximum(roots, 0))
    noise = np.random.default_rng(seed).standard_normal((_DRAWS, len(roots))) * roots @ axes.T
    noise = np.concatenate([noise, -noise])
    most = min(1.0, math.sqrt(square) + 6 * float(roots.max()) + 1e-9)
    errors = np.linspace(0, most, _STEPS)
    seen = (noise**2).sum(axis=1) - float(np.trace(spread))
    seen = seen + errors[:, None] * (2 * (noise @ way) + errors[:, None])
    below = (seen <= square).mean(axis=1)  # falls as the error grows
    held = np.flatnonzero((below <= 1 - _TAIL) & (below >= _TAIL))
    ends = errors[held[[0, -1]]] if len(held) else np.full(2, math.sqrt(square))
    return float(ends[0]), float(ends[1])


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
