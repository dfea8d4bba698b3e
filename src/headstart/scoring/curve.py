"""`extrapolate`: what twice as many images would give, read off a learning curve.

The error of a learner falls with the number n of training items roughly as
``a + b * n ** -c`` (Hestness et al., "Deep learning scaling is predictable, empirically",
2017; Viering and Loog, "The shape of learning curves: a review", TPAMI 2023). Three
parameters on four or five noisy points fit many stories, so the forecast is the median over
resampled curves, and its interval holds both the noise and the stories.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from headstart.metrics.few import student
from headstart.metrics.interval import wilson
from headstart.records import Estimate

__all__ = ["curve_section", "extrapolate", "mean_over_folds"]

_DECAYS = np.geomspace(0.1, 2.0, 25)
_ROUNDS = 400
_Z = 1.96
_HARDLY = 0.02  # a gain surely below this is none to label twice as many images for
_WIDEST = 0.25  # an interval wider than this says nothing that could be acted upon


def _resampled(
    values: Sequence[Estimate] | np.ndarray, weights: np.ndarray | None, seed: int
) -> np.ndarray:
    """(R, S) plausible accuracies at each of the S sizes; the first row is as observed."""
    rng = np.random.default_rng(seed)
    if isinstance(values, np.ndarray):
        folds = values.shape[1]
        shares = _shares(weights, folds)
        chosen = rng.integers(0, folds, (_ROUNDS, folds))
        drawn_shares = np.maximum(shares[chosen].sum(axis=1), 1e-9)
        # The mean of K folds drawn again varies too little, by (K-1)/K, and K is small.
        drawn = ((values * shares)[:, chosen].sum(axis=2) / drawn_shares).T
        mean = values @ shares
        spread = 1.0
        if folds > 1:
            spread = np.sqrt(folds / (folds - 1)) * student(_Z, folds - 1) / _Z
        return np.vstack([mean, mean + (drawn - mean) * spread])
    mean = np.array([estimate.value for estimate in values])
    deviation = np.array([(estimate.high - estimate.low) / (2 * _Z) for estimate in values])
    return np.vstack([mean, mean + deviation * rng.standard_normal((_ROUNDS, len(mean)))])


def _shares(weights: np.ndarray | None, folds: int) -> np.ndarray:
    """(K,) shares of the items that each fold holds out."""
    return np.full(folds, 1 / folds) if weights is None else weights / weights.sum()


def _fit(sizes: np.ndarray, errors: np.ndarray, at: float) -> np.ndarray:
    """(R,) gains from the last size to `at`, by least squares with a, b >= 0, best decay.

    For a given decay the model is linear in a and b, so all curves are solved at once.
    """
    best = np.full(len(errors), np.inf)
    gain = np.zeros(len(errors))
    mean = errors.mean(axis=1, keepdims=True)
    for decay in _DECAYS:
        x = (sizes / sizes[-1]) ** -decay
        to = (at / sizes[-1]) ** -decay
        slope = ((errors - mean) @ (x - x.mean())) / ((x - x.mean()) ** 2).sum()
        floor = mean[:, 0] - slope * x.mean()
        # Where a bound is active: without a floor the line starts at zero; a curve that
        # does not fall is flat.
        slope = np.where(floor < 0, (errors @ x) / (x @ x), slope)
        floor = np.where(floor < 0, 0.0, floor)
        floor = np.where(slope < 0, mean[:, 0], floor)
        slope = np.maximum(slope, 0.0)
        loss = ((errors - floor[:, None] - slope[:, None] * x) ** 2).sum(axis=1)
        better = loss < best
        best = np.where(better, loss, best)
        gain = np.where(better, slope * (1 - to), gain)
    return gain


def extrapolate(
    sizes: Sequence[int],
    accuracies: Sequence[Estimate] | np.ndarray,
    *,
    have: int | None = None,
    factor: float = 2.0,
    seed: int = 0,
    tested: int | None = None,
    measure: tuple[str, str] = ("accuracy", "accuracy"),
    weights: np.ndarray | None = None,
) -> dict[str, Any] | None:
    """Forecasts the accuracy with `factor` times as many training items.

    The last size is that of an inner fold, smaller than what is there to train on; what is
    said is about what is there.

    Args:
        sizes: S numbers of training items, rising.
        accuracies: (S, K) float accuracies of the same K folds at each size, which is the
            better evidence; or S Estimates.
        have: How many training items there are; the last size by default.
        factor: How many times as many items as there are.
        seed: Seed of the resampling.
        tested: Items of all folds, where the values are shares of them.
        measure: Key and words of what the accuracies are, of 1 at best.
        weights: (K,) items that each fold holds out; None where these are alike.

    Returns:
        ``{"n": items, key: Estimate, "summary": one sentence}``, the layout of
        ``learning_curve.forecast``; None when it cannot be said: fewer than three sizes,
        less than a doubling between first and last, numbers that are not finite, or an
        interval too wide to act upon.

    Raises:
        ValueError: If the lengths differ or the sizes do not rise.
    """
    n = np.asarray(sizes, float)
    if len(n) != len(accuracies) or (np.diff(n) <= 0).any():
        raise ValueError("need as many accuracies as sizes, and sizes that rise")
    if len(n) < 3 or n[0] <= 0 or n[-1] < 2 * n[0]:
        return None
    curves = _resampled(accuracies, weights, seed)
    if not np.isfinite(curves).all():
        return None
    # The gain is added to the last point, so that the forecast never argues with what was seen.
    have = round(n[-1]) if have is None else have
    target = round(factor * have)
    errors = 1 - np.clip(curves, 0.0, 1.0)
    gains, closer = _fit(n, errors, target), _fit(n, errors, max(have, n[-1]))
    forecasts = np.clip(curves[:, -1] + gains, 0.0, 1.0)
    value = float(np.median(forecasts))
    low, high = (float(end) for end in np.quantile(forecasts, [0.025, 0.975]))
    # The forecast cannot be surer than the last point it starts from.
    now = float(curves[0, -1])
    noise = _Z * float(curves[1:, -1].std())
    low, high = max(0.0, min(low, value - noise)), min(1.0, max(high, value + noise))
    if high - low > _WIDEST:
        return None
    if tested is not None:  # folds that are all right agree, and are not certain for that
        plain = wilson(value * tested, tested)
        low, high = min(low, plain.low), max(high, plain.high)
    now = float(np.clip(now + np.median(closer), 0.0, value))
    gain, most = value - now, float(np.quantile(gains - closer, 0.975))
    as_read = "{:.1%}" if measure[0] == "accuracy" else "{:.3f}"  # as tables have either
    if low > now and gain >= 0.01:
        advice = "more labelled images are likely to pay"
    elif gain >= 0.01:
        advice = "more labelled images may pay"
    elif most < _HARDLY:
        advice = "more images of the same kind would hardly help"
    else:
        advice = f"no gain is seen, but one of {as_read.format(most)} cannot be ruled out"
    told, least, highest, before = (as_read.format(each) for each in (value, low, high, now))
    return {
        "n": target,
        measure[0]: Estimate(value, low, high, int(n[-1]), "inverse power law, resampled 95%"),
        "summary": f"With {target:,} training images instead of {have:,}, {measure[1]} would "
        f"be about {told} ({least} to {highest}) instead of {before}: {advice}.",
    }


def curve_section(
    sizes: np.ndarray,
    values: np.ndarray,
    *,
    have: int,
    seed: int = 0,
    tested: int | None = None,
    measure: tuple[str, str] = ("accuracy", "accuracy"),
    weights: np.ndarray | None = None,
) -> dict[str, Any]:
    """Returns ``learning_curve`` of ``metrics.json``: its points and the forecast, ready for JSON.

    Args:
        sizes: (S,) int numbers of training items, rising.
        values: (S, K) float of the same K folds at each size; 1 is perfect.
        have: How many training items there are.
        seed: Of the resampling.
        tested: Items of all folds, where the values are shares of them.
        measure: Key and words of what the values are.
        weights: (K,) items that each fold holds out; None where these are alike.
    """
    key = measure[0]
    sizes, values = np.asarray(sizes), np.asarray(values, float)
    points = [
        {"n": int(n), key: mean_over_folds(each, int(n), tested, weights)}
        for n, each in zip(sizes, values, strict=True)
        if np.isfinite(each).all()
    ]
    increasing = len(sizes) > 1 and bool((np.diff(sizes) > 0).all())
    forecast = None
    if increasing and len(points) == len(sizes):
        forecast = extrapolate(
            sizes.tolist(),
            values,
            have=have,
            seed=seed,
            tested=tested,
            measure=measure,
            weights=weights,
        )
    said = {"key": key, "words": measure[1]}
    return {"measure": said, "points": points, "forecast": forecast}


def mean_over_folds(
    values: np.ndarray, n: int, tested: int | None, weights: np.ndarray | None = None
) -> Estimate:
    """Returns the mean over folds, each as large as it is, with a rough interval: the wider of two.

    Folds share training items, and folds that agree by chance (all of them right, say) would
    claim to be certain; so the interval of shares is never narrower than the Wilson one of all
    `tested` items. Of other measures it is Student's over folds.
    """
    k, shares = len(values), _shares(weights, len(values))
    value = float(values @ shares)
    apart = float(((shares * (values - value)) ** 2).sum())
    spread = np.sqrt(apart * k / (k - 1)) if k > 1 else 0.0
    if tested is None:
        half = student(_Z, k - 1) * spread if k > 1 else 1.0
        return Estimate(value, max(0.0, value - half), min(1.0, value + half), n, "folds, 95%")
    half = _Z * spread
    plain = wilson(value * tested, tested)
    low, high = min(value - half, plain.low), max(value + half, plain.high)
    return Estimate(value, max(0.0, low), min(1.0, high), n, "folds, 95%")
