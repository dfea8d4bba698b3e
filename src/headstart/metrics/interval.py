"""Intervals: how far a number may be trusted.

Proportions get Wilson's interval; everything else is resampled. Resampling draws whole
*clusters* (items of one person, near-duplicates of one image), because items of one
cluster are not independent evidence. A replicate is a row of integer weights, so that a
metric is computed for all replicates at once.

Only numpy and the standard library: importing `scipy.stats` takes longer than scoring.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from headstart.metrics.few import FEW, pooled_variance, student
from headstart.records import Estimate

__all__ = [
    "Weighted",
    "cluster_bootstrap",
    "cluster_codes",
    "describe_bootstrap",
    "effective_wilson",
    "few_ends",
    "limits",
    "paired_difference",
    "resample",
    "wilson",
]

Weighted = Callable[[np.ndarray], np.ndarray]
"""Maps (B, N) weights to (B,) or (B, K) values of a metric."""

_NORMAL = NormalDist()
_NOTHING = "undefined: no such item"
_CHUNK = 2_000_000  # weights held at once: 16 MB, whatever the size of the test set


def _percent(level: float) -> str:
    return f"{100 * level:g}%"


def wilson(successes: float, n: float, *, level: float = 0.95) -> Estimate:
    """Returns a proportion with Wilson's score interval (Wilson, JASA 1927).

    It stays inside [0, 1] and says something even when nothing, or everything, succeeded.

    Args:
        successes: Successes among `n` independent trials; may be fractional.
        n: Trials.
        level: Coverage.

    Returns:
        The estimate; NaN with the interval [0, 1] when `n` is zero.
    """
    method = f"Wilson {_percent(level)}"
    if n <= 0:
        return Estimate(math.nan, 0.0, 1.0, 0, _NOTHING)
    z = _NORMAL.inv_cdf((1 + level) / 2)
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(p * (1 - p), 0.0) / n + z * z / (4 * n * n))
    # At the ends the closed form misses 0 and 1 by rounding only.
    low, high = max(0.0, min(centre - half, p)), min(1.0, max(centre + half, p))
    return Estimate(p, low, high, round(n), method)


def cluster_codes(clusters: np.ndarray | None, n: int) -> tuple[np.ndarray, int]:
    """Numbers the clusters.

    Args:
        clusters: (N,) cluster of each item (numbers or text), or None when all stand alone.
        n: N.

    Returns:
        (N,) int codes 0..K-1, and K. K = N means that every item stands alone.

    Raises:
        ValueError: If the shape is not (N,).
    """
    if clusters is None:
        return np.arange(n), n
    clusters = np.asarray(clusters)
    if clusters.shape != (n,):
        raise ValueError(f"clusters must be ({n},), got {clusters.shape}")
    kinds, codes = np.unique(clusters, return_inverse=True)
    return codes, len(kinds)


def _default_replicates(n: int) -> int:
    """Large test sets have narrow intervals; their ends need fewer replicates."""
    return int(np.clip(5_000_000 // max(n, 1), 200, 1000))


def resample(
    statistic: Weighted, clusters: np.ndarray, *, replicates: int | None = None, seed: int = 0
) -> np.ndarray:
    """Draws bootstrap replicates of a statistic, whole clusters with replacement.

    Source: Efron, 1979; for clusters, Field and Welsh, JRSS B 2007. With one item per
    cluster it is the ordinary bootstrap.

    Args:
        statistic: Maps (B, N) weights to (B,) or (B, K) values.
        clusters: (N,) int codes 0..K-1 from `cluster_codes`.
        replicates: B; by default 1000, fewer for more than 5,000 items.
        seed: Seed of the draws.

    Returns:
        (B,) or (B, K) values.
    """
    n = len(clusters)
    total = int(clusters.max()) + 1
    rounds = replicates or _default_replicates(n)
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // max(n, total))
    alone = total == n and bool((clusters == np.arange(n)).all())
    parts = []
    for start in range(0, rounds, step):
        rows = min(step, rounds - start)
        draws = rng.integers(0, total, (rows, total), dtype=np.int32)
        draws += (np.arange(rows, dtype=np.int32) * total)[:, None]
        counts = np.bincount(draws.ravel(), minlength=rows * total).reshape(rows, total)
        weights = counts.astype(np.float64)
        parts.append(np.asarray(statistic(weights if alone else weights[:, clusters])))
    return np.concatenate(parts)


def limits(
    values: np.ndarray,
    draws: np.ndarray,
    *,
    clusters: int,
    level: float = 0.95,
    inflation: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ends of bootstrap intervals.

    Percentiles of the replicates, reached further out when clusters are few (the expanded
    percentile interval; Hesterberg, The American Statistician 2015), and shifted so that
    their median is the value observed, which takes out the bias that resampling adds to
    F1 and calibration errors.

    Args:
        values: (K,) observed values.
        draws: (B, K) replicates; NaN where a replicate had nothing to measure.
        clusters: Independent clusters behind the values.
        level: Coverage.
        inflation: Of the variance, from `metrics.folds`.

    Returns:
        (K,) lower and (K,) upper ends; NaN where every replicate is NaN.
    """
    z = _NORMAL.inv_cdf((1 + level) / 2)
    tail = 0.0
    if clusters > 1:
        reach = math.sqrt(inflation * clusters / (clusters - 1)) * student(z, clusters - 1)
        tail = _NORMAL.cdf(-reach)
    ordered = np.sort(draws, axis=0)  # NaN last
    count = (~np.isnan(ordered)).sum(axis=0)
    columns = np.arange(ordered.shape[1])

    def quantile(q: float) -> np.ndarray:
        place = q * np.maximum(count - 1, 0)
        below = np.floor(place).astype(int)
        above = np.ceil(place).astype(int)
        left, right = ordered[below, columns], ordered[above, columns]
        return np.asarray(left + (right - left) * (place - below))

    shift = values - quantile(0.5)
    return quantile(tail) + shift, quantile(1 - tail) + shift


def describe_bootstrap(*, clusters: int, n: int) -> str:
    """Returns the words for a bootstrap: whether of items or of how many clusters."""
    return "bootstrap" if clusters == n else f"cluster bootstrap ({clusters} clusters)"


def effective_wilson(
    value: float,
    draws: np.ndarray,
    *,
    n: int,
    clusters: int,
    level: float = 0.95,
    inflation: float = 1.0,
) -> Estimate:
    """Returns a proportion-like value with Wilson's interval at its effective sample size.

    The bootstrap's variance says how many independent trials the value is worth; Wilson's
    interval for that many keeps its coverage near 0 and 1, where percentiles of the
    replicates are too narrow (Korn and Graubard, Survey Methodology 1998; Franco, Little,
    Louis and Slud, Journal of Survey Statistics and Methodology 2019). A value that never
    varies (no mistake was seen) is worth as many trials as there are clusters.

    Args:
        value: The observed value in [0, 1]: accuracy, recall, precision, F1 or a mean of such.
        draws: (B,) bootstrap replicates; NaN where a replicate had nothing to measure.
        n: Items; the value is never worth more than these.
        clusters: Independent clusters among the items.
        level: Coverage.
        inflation: Of the variance, from `metrics.folds`.
    """
    method = (
        f"Wilson {_percent(level)} at the {describe_bootstrap(clusters=clusters, n=n)} variance"
    )
    if math.isnan(value) or not clusters:
        return Estimate(math.nan, 0.0, 1.0, 0, _NOTHING)
    known = draws[~np.isnan(draws)]
    variance = float(known.var()) if len(known) else 0.0
    worth = float(clusters)
    if variance > 0 and 0 < value < 1:
        worth = min(float(n), value * (1 - value) / variance)
    if clusters > 1:  # few clusters tell their own variance badly
        z = _NORMAL.inv_cdf((1 + level) / 2)
        worth *= (z / student(z, clusters - 1)) ** 2
    worth /= inflation
    flat = wilson(value * worth, worth, level=level)
    return Estimate(value, flat.low, flat.high, n, method)


def cluster_bootstrap(
    statistic: Weighted,
    clusters: np.ndarray | None,
    *,
    n: int,
    bounds: tuple[float, float] = (0.0, 1.0),
    replicates: int | None = None,
    seed: int = 0,
    level: float = 0.95,
    inflation: float = 1.0,
) -> Estimate:
    """Estimates any weighted statistic with a cluster bootstrap interval.

    A proportion that never varies over the replicates (no mistake was seen) gets Wilson's
    interval for as many trials as there are clusters: resampling knows nothing there. Of fewer
    than `FEW` clusters it knows too little (`few_ends`).

    Args:
        statistic: Maps (B, N) weights to (B,) values.
        clusters: (N,) cluster of each item, or None when all stand alone.
        n: N, at least 1.
        bounds: Smallest and largest possible value.
        replicates: B; by default 1000, fewer for more than 5,000 items.
        seed: Seed of the draws.
        level: Coverage.
        inflation: Of the variance, from `metrics.folds`.
    """
    codes, total = cluster_codes(clusters, n)
    value = float(statistic(np.ones((1, n)))[0])
    draws = resample(statistic, codes, replicates=replicates, seed=seed)[:, None]
    low, high = limits(np.array([value]), draws, clusters=total, level=level, inflation=inflation)
    if bounds == (0.0, 1.0) and low[0] == high[0]:
        flat = wilson(value * total / inflation, total / inflation, level=level)
        return Estimate(value, flat.low, flat.high, n, f"{flat.method}, {total} clusters")
    ends = (max(bounds[0], float(low[0])), min(bounds[1], float(high[0])))
    method = f"{describe_bootstrap(clusters=total, n=n)} {_percent(level)}"
    if total < FEW and bounds[1] == 1.0 and not math.isnan(value):
        signed, method = bounds[0] < 0, f"{method}, widened for few"
        ends = few_ends(value, draws, total, signed=signed, level=level, inflation=inflation)
    return Estimate(value, *ends, n, method)


def few_ends(
    value: float, draws: np.ndarray, clusters: int, *, signed: bool = False, level: float = 0.95,
    inflation: float = 1.0,
) -> tuple[float, float]:  # fmt: skip
    """Returns the ends of an interval of few clusters, by `pooled_variance`.

    Args:
        value: Between 0 and 1, or -1 and 1 of a difference.
        draws: (B,) replicates.
        clusters: Independent ones.
        signed: Whether it is a difference: Student's interval; else Wilson's.
        level: Coverage.
        inflation: Of the variance, from `metrics.folds`.
    """
    z = _NORMAL.inv_cdf((1 + level) / 2)
    variance, freedom = pooled_variance(value, draws, clusters=clusters, signed=signed)
    variance *= inflation * (student(z, freedom) / z) ** 2
    if signed:
        return max(-1.0, value - z * math.sqrt(variance)), min(1.0, value + z * math.sqrt(variance))
    share = (clusters * value + 2) / (clusters + 4)
    worth = share * (1 - share) / variance
    flat = wilson(value * worth, worth, level=level)
    return flat.low, flat.high


def _bonett_price(gained: float, lost: float, n: int, level: float) -> tuple[float, float]:
    z = _NORMAL.inv_cdf((1 + level) / 2)
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    half = z * math.sqrt(max(up + down - (up - down) ** 2, 0.0) / (n + 2))
    return max(-1.0, up - down - half), min(1.0, up - down + half)


def paired_difference(
    correct_a: np.ndarray,
    correct_b: np.ndarray,
    clusters: np.ndarray | None = None,
    *,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """Returns accuracy of A minus accuracy of B on the same items.

    Items that stand alone: the adjusted Wald interval of Bonett and Price (Journal of
    Educational and Behavioral Statistics, 2012), recommended for paired proportions by
    Fagerland, Lydersen and Laake (Statistics in Medicine, 2014). Otherwise a paired
    cluster bootstrap.

    Args:
        correct_a: (N,) bool, which items A classified correctly.
        correct_b: (N,) bool, the same items for B.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Seed of the bootstrap.
        level: Coverage.

    Raises:
        ValueError: If the shapes differ or there are no items.
    """
    if correct_a.shape != correct_b.shape or correct_a.ndim != 1 or not len(correct_a):
        raise ValueError(
            f"need two (N,) arrays, N > 0, got {correct_a.shape} and {correct_b.shape}"
        )
    n = len(correct_a)
    codes, total = cluster_codes(clusters, n)
    change = correct_a.astype(float) - correct_b.astype(float)
    value = float(change.mean())
    if total == n:
        gained, lost = float((change > 0).sum()), float((change < 0).sum())
        ends = _bonett_price(gained, lost, n, level)
        return Estimate(value, *ends, n, f"Bonett–Price paired {_percent(level)}")
    estimate = cluster_bootstrap(
        lambda weights: weights @ change / weights.sum(axis=1),
        codes,
        n=n,
        bounds=(-1.0, 1.0),
        seed=seed,
        level=level,
    )
    if estimate.low < estimate.high:
        return Estimate(value, estimate.low, estimate.high, n, f"paired {estimate.method}")
    # No cluster differs from another: the formula for as many pairs as there are clusters.
    ends = _bonett_price(max(value, 0) * total, max(-value, 0) * total, total, level)
    return Estimate(value, *ends, n, f"Bonett–Price paired {_percent(level)}, {total} clusters")
