"""Measures of masks, as functions of counts that are taken once of each image.

A thousand resamples are then a matrix product and not a thousand looks at millions of pixels. What
is independent is an image (or a group of them), never a pixel: intervals draw whole images.

Means over classes are over the classes present in the truth or in the answer of the images that
count, as scikit-learn's `jaccard_score(average="macro")` has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headstart.metrics.interval import (
    cluster_codes,
    describe_bootstrap,
    limits,
    resample,
    wilson,
)
from headstart.metrics.statistic import Statistic, estimate, mean
from headstart.records import Estimate

__all__ = [
    "PIXEL_BINS",
    "AreaMeasures",
    "PixelClass",
    "boundary_f1",
    "dice",
    "image_ious",
    "mean_iou",
    "measure_areas",
    "measure_pixel_classes",
    "pixel_accuracy",
    "pixel_calibration",
    "pixel_counts",
]

PIXEL_BINS = 15
"""Bins of equal width of the confidence of a pixel's answer."""


@dataclass(frozen=True)
class PixelClass:
    """What was measured for one class; `n` is the images of the test that have it."""

    n: int
    iou: Estimate
    precision: Estimate
    recall: Estimate
    dice: Estimate


@dataclass(frozen=True)
class AreaMeasures:
    """How well the share of a class on an image is known.

    Attributes:
        bias: Mean of predicted minus true share, over images.
        error: Mean size of that difference.
    """

    bias: Estimate
    error: Estimate


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Division that answers NaN where there is nothing to divide by."""
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))


def _over_classes(values: np.ndarray) -> np.ndarray:
    """(B,) means over the columns that are not NaN."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(float))


def pixel_counts(confusions: np.ndarray) -> np.ndarray:
    """Returns (..., C, 3) float64 hits, truths and calls of each class.

    Args:
        confusions: (..., C, C) pixels; row is the truth, column the answer.
    """
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)
    parts = (hits, confusions.sum(axis=-1), confusions.sum(axis=-2))
    return np.stack(parts, axis=-1).astype(np.float64)


def _split(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns hits, truths and calls, each (N, C) and in one piece."""
    hits, truths, calls = (np.ascontiguousarray(counts[:, :, i]) for i in range(3))
    return hits, truths, calls


def mean_iou(counts: np.ndarray) -> Statistic:
    """Returns the intersection over union, as a mean over the classes present.

    Args:
        counts: (N, C, 3) of each image, from `pixel_counts`.
    """
    hits, truths, calls = _split(counts)
    union = truths + calls - hits

    def of(weights: np.ndarray) -> np.ndarray:
        return _over_classes(_ratio(weights @ hits, weights @ union))

    return Statistic(of, len(hits))


def dice(counts: np.ndarray) -> Statistic:
    """Returns the Dice coefficient (F1 of pixels), as a mean over the classes present.

    Args:
        counts: (N, C, 3) of each image, from `pixel_counts`.
    """
    hits, truths, calls = _split(counts)
    both = truths + calls

    def of(weights: np.ndarray) -> np.ndarray:
        return _over_classes(_ratio(2 * (weights @ hits), weights @ both))

    return Statistic(of, len(hits))


def pixel_accuracy(counts: np.ndarray) -> Statistic:
    """Returns the share of all pixels that were given the right class.

    Args:
        counts: (N, C, 3) of each image, from `pixel_counts`.
    """
    hits, truths, _ = _split(counts)
    right, total = hits.sum(axis=1), truths.sum(axis=1)
    return Statistic(lambda weights: _ratio(weights @ right, weights @ total), len(hits))


def boundary_f1(boundaries: np.ndarray) -> Statistic:
    """Returns F1 of the boundaries, as a mean over the classes that have one.

    Csurka, Larlus and Perronnin, "What is a good evaluation measure for semantic segmentation?",
    BMVC 2013, with the counts of all images added up.

    Args:
        boundaries: (N, C, 4) of each image and class: pixels of the answer's boundary, those of
            them near the truth's, pixels of the truth's boundary, those near the answer's.
    """
    ways = boundaries.astype(np.float64)

    def of(weights: np.ndarray) -> np.ndarray:
        called, right, true, found = (weights @ ways[:, :, i] for i in range(4))
        precision, recall = _ratio(right, called), _ratio(found, true)
        # A boundary on one side only: nothing of it was right.
        one_sided = (called > 0) != (true > 0)
        harmonic = _ratio(2 * precision * recall, precision + recall)
        nothing = (called > 0) & (true > 0) & (precision + recall == 0)
        return _over_classes(np.where(one_sided | nothing, 0.0, harmonic))

    return Statistic(of, len(ways))


def pixel_calibration(bins: np.ndarray) -> Statistic:
    """Returns the debiased root mean square calibration error of pixels.

    The pairs of `metrics.calibration.calibration_error` are here of two images: the pixels of one
    are no evidence of each other.

    Args:
        bins: (N, K, 3) of each image and bin of confidence: pixels, sum of their confidences,
            how many of them are right.
    """
    # In images, so that squares of millions of pixels keep their digits.
    total = max(float(bins[:, :, 0].sum()) / max(len(bins), 1), 1.0)
    sizes = bins[:, :, 0] / total
    gaps = (bins[:, :, 1] - bins[:, :, 2]) / total

    def of(weights: np.ndarray) -> np.ndarray:
        mass = weights @ sizes
        pairs = mass**2 - weights**2 @ sizes**2
        products = (weights @ gaps) ** 2 - weights**2 @ gaps**2
        squares = np.where(pairs > 1e-12, products / np.where(pairs > 1e-12, pairs, 1.0), 0.0)
        return np.sqrt(np.maximum(_ratio((squares * mass).sum(axis=1), mass.sum(axis=1)), 0.0))

    return Statistic(of, len(bins))


def image_ious(counts: np.ndarray) -> np.ndarray:
    """Returns (N,) the mean IoU of each image by itself, over the classes present on it.

    Args:
        counts: (N, C, 3) of each image, from `pixel_counts`; of one that is ignored entirely
            comes NaN.
    """
    hits, truths, calls = _split(counts)
    return _over_classes(_ratio(hits, truths + calls - hits))


def measure_pixel_classes(
    counts: np.ndarray, *, clusters: np.ndarray | None = None, seed: int = 0
) -> tuple[PixelClass, ...]:
    """Returns IoU, precision, recall and Dice of every class, in order of the class.

    Args:
        counts: (N, C, 3) of each image, from `pixel_counts`.
        clusters: (N,) cluster of each image, or None when all stand alone.
        seed: Of the bootstrap.
    """
    n, classes = counts.shape[:2]
    hits, truths, calls = _split(counts)
    codes, _ = cluster_codes(clusters, n)

    def of(weights: np.ndarray) -> np.ndarray:
        hit, truth, call = weights @ hits, weights @ truths, weights @ calls
        return np.column_stack(
            [
                _ratio(hit, truth + call - hit), _ratio(hit, call), _ratio(hit, truth),
                _ratio(2 * hit, truth + call),
            ]
        )  # fmt: skip

    values, draws = of(np.ones((1, n)))[0], resample(of, codes, seed=seed)

    def share(number: int, index: int, present: np.ndarray) -> Estimate:
        column = number * classes + index
        own = codes[present]
        return _bounded(values[column], draws[:, column], len(own), len(np.unique(own)))

    made = []
    for index in range(classes):
        true, called = truths[:, index] > 0, calls[:, index] > 0
        rows = (true | called, called, true, true | called)
        iou, precision, recall, f1 = (share(i, index, each) for i, each in enumerate(rows))
        made.append(PixelClass(int(true.sum()), iou, precision, recall, f1))
    return tuple(made)


def _bounded(value: float, draws: np.ndarray, n: int, clusters: int) -> Estimate:
    """Returns a share with the bootstrap's interval; Wilson's where it never varies."""
    if math.isnan(value) or not clusters:
        return Estimate(math.nan, 0.0, 1.0, 0, "undefined: no such pixel")
    low, high = limits(np.array([value]), draws[:, None], clusters=clusters)
    if not low[0] < high[0]:
        flat = wilson(value * clusters, clusters)
        return Estimate(float(value), flat.low, flat.high, n, f"{flat.method}, {clusters} clusters")
    method = f"{describe_bootstrap(clusters=clusters, n=n)} 95%"
    return Estimate(float(value), max(0.0, float(low[0])), min(1.0, float(high[0])), n, method)


def measure_areas(
    predicted: np.ndarray, truth: np.ndarray, *, clusters: np.ndarray | None = None, seed: int = 0
) -> tuple[AreaMeasures, ...]:
    """Returns how far predicted shares of each class are off, in order of the class.

    Args:
        predicted: (N, C) share of each image.
        truth: (N, C) likewise.
        clusters: (N,) cluster of each image, or None when all stand alone.
        seed: Of the bootstrap.
    """
    apart = predicted - truth
    bias = [estimate(mean(column, bounds=(-1.0, 1.0)), clusters, seed=seed) for column in apart.T]
    errors = [
        estimate(mean(np.abs(column), bounds=(0.0, math.inf)), clusters, seed=seed)
        for column in apart.T
    ]
    return tuple(AreaMeasures(*each) for each in zip(bias, errors, strict=True))
