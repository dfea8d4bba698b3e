"""Intervals: how far a number may be trusted.

Proportions get Wilson's interval; everything else is resampled. Resampling draws whole
*clusters* (items of one person, near-duplicates of one picture), because items of one
cluster are not independent evidence. A replicate is a row of integer weights, so that a
metric is computed for all replicates at once.

Only numpy and the standard library: importing `scipy.stats` takes longer than scoring.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from headstart.records import Estimate

__all__ = [
    "Statistic",
    "cluster_bootstrap",
    "cluster_codes",
    "describe",
    "limits",
    "mean_of_proportions",
    "paired_difference",
    "resample",
    "wilson",
]

Statistic = Callable[[np.ndarray], np.ndarray]
"""Maps (B, N) weights to (B,) or (B, K) values of a metric."""

_NORMAL = NormalDist()
_CHUNK = 2_000_000  # weights held at once: 16 MB, whatever the size of the test set


def _percent(level: float) -> str:
    return f"{100 * level:g} %"


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
        return Estimate(math.nan, 0.0, 1.0, 0, method)
    z = _NORMAL.inv_cdf((1 + level) / 2)
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(p * (1 - p), 0.0) / n + z * z / (4 * n * n))
    # At the ends the closed form misses 0 and 1 by rounding only.
    low, high = max(0.0, min(centre - half, p)), min(1.0, max(centre + half, p))
    return Estimate(p, low, high, round(n), method)


def mean_of_proportions(parts: list[Estimate], *, n: int, level: float = 0.95) -> Estimate:
    """Returns the mean of independent proportions, its interval by square-and-add.

    The distances to the parts' Wilson limits add in quadrature (Zou and Donner, Statistics
    in Medicine 2008), so that the interval stays honest when every part is 0 or 1.

    Args:
        parts: Wilson estimates of independent proportions; empty ones (n = 0) are left out.
        n: Items that the parts rest on together.
        level: Coverage of the parts, for the text only.
    """
    seen = [part for part in parts if part.n > 0]
    method = f"square-and-add Wilson {_percent(level)}"
    if len(seen) < len(parts):
        method += f", {len(parts) - len(seen)} absent left out"
    if not seen:
        return Estimate(math.nan, 0.0, 1.0, 0, method)
    value = sum(part.value for part in seen) / len(seen)
    below = math.sqrt(sum((part.value - part.low) ** 2 for part in seen)) / len(seen)
    above = math.sqrt(sum((part.high - part.value) ** 2 for part in seen)) / len(seen)
    return Estimate(value, max(0.0, value - below), min(1.0, value + above), n, method)


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
    return int(np.clip(20_000_000 // max(n, 1), 200, 1000))


def resample(
    statistic: Statistic, clusters: np.ndarray, *, replicates: int | None = None, seed: int = 0
) -> np.ndarray:
    """Draws bootstrap replicates of a statistic, whole clusters with replacement.

    Source: Efron, 1979; for clusters, Field and Welsh, JRSS B 2007. With one item per
    cluster it is the ordinary bootstrap.

    Args:
        statistic: Maps (B, N) weights to (B,) or (B, K) values.
        clusters: (N,) int codes 0..K-1 from `cluster_codes`.
        replicates: B; by default 1000, fewer for more than 20,000 items.
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


def _student(z: float, freedom: int) -> float:
    """Student's quantile from the normal one (Abramowitz and Stegun, 26.7.5)."""
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + g1 / freedom + g2 / freedom**2 + g3 / freedom**3


def limits(
    values: np.ndarray, draws: np.ndarray, *, clusters: int, level: float = 0.95
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

    Returns:
        (K,) lower and (K,) upper ends; NaN where every replicate is NaN.
    """
    z = _NORMAL.inv_cdf((1 + level) / 2)
    tail = 0.0
    if clusters > 1:
        reach = math.sqrt(clusters / (clusters - 1)) * _student(z, clusters - 1)
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


def describe(*, clusters: int, n: int, level: float = 0.95) -> str:
    """Returns the words for a bootstrap interval, e.g. ``"cluster bootstrap 95 %, 40 clusters"``."""
    if clusters == n:
        return f"bootstrap {_percent(level)}"
    return f"cluster bootstrap {_percent(level)}, {clusters} clusters"


def cluster_bootstrap(
    statistic: Statistic,
    clusters: np.ndarray | None,
    *,
    n: int,
    bounds: tuple[float, float] = (0.0, 1.0),
    replicates: int | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """Estimates any weighted statistic with a cluster bootstrap interval.

    A proportion that never varies over the replicates (no mistake was seen) gets Wilson's
    interval for as many trials as there are clusters: resampling knows nothing there.

    Args:
        statistic: Maps (B, N) weights to (B,) values.
        clusters: (N,) cluster of each item, or None when all stand alone.
        n: N, at least 1.
        bounds: Smallest and largest possible value.
        replicates: B; by default 1000, fewer for more than 20,000 items.
        seed: Seed of the draws.
        level: Coverage.
    """
    codes, total = cluster_codes(clusters, n)
    value = float(statistic(np.ones((1, n)))[0])
    draws = resample(statistic, codes, replicates=replicates, seed=seed)[:, None]
    low, high = limits(np.array([value]), draws, clusters=total, level=level)
    if bounds == (0.0, 1.0) and low[0] == high[0]:
        flat = wilson(value * total, total, level=level)
        return Estimate(value, flat.low, flat.high, n, f"{flat.method}, {total} clusters")
    ends = (max(bounds[0], float(low[0])), min(bounds[1], float(high[0])))
    return Estimate(value, *ends, n, describe(clusters=total, n=n, level=level))


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
        correct_a: (N,) bool, which items A named rightly.
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
