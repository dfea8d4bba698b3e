"""Confusion matrices of dense scores, image by image: what arms are chosen by.

They are counted at some pixels of each image, on a square of 256 a side: enough to choose by, and
a tenth of the time. The test is measured at the images' own size.
"""

from __future__ import annotations

import collections

import numpy as np
import torch

from headstart.images.threads import ordered_map
from headstart.metrics.calibration import fit_temperature
from headstart.nets.stages import one_thread

__all__ = [
    "confusions",
    "dense_temperature",
    "mean_overlap",
    "paired_gain",
    "same_sharpness",
    "sharpness",
]

_BATCH = 8
_RESAMPLES = 500


def confusions(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns (N, C, C) int64 pixels by truth and answer.

    Args:
        scores: (N, C, h, w) of the input square; an answer is the largest after enlarging the
            probabilities, as the decoder does it.
        truth: (N, side, side) uint8 classes of the same square; others are not counted.
    """
    n, classes = scores.shape[:2]
    found = np.zeros((n, classes, classes), np.int64)
    size = truth.shape[1:]

    def count(start: int) -> None:
        part = torch.from_numpy(np.ascontiguousarray(scores[start : start + _BATCH])).float()
        large = torch.nn.functional.interpolate(part.softmax(1), size=size, mode="bilinear")
        answers = _largest(large)
        for at, (answer, wanted) in enumerate(zip(answers, truth[start : start + _BATCH])):
            known = wanted < classes
            pairs = wanted[known].astype(np.int64) * classes + answer[known]
            found[start + at] = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    with one_thread():  # which the threads begin with, and keep
        collections.deque(ordered_map(count, range(0, n, _BATCH)), maxlen=0)
    return found


def _largest(scores: torch.Tensor) -> np.ndarray:
    """Returns (n, h, w) uint8: the class of the largest of (n, C, h, w), of equal ones the first.

    `argmax` over a dimension that is not the last takes twenty times as long (torch 2.14).
    """
    best = scores[:, 0].clone()
    found = torch.zeros(best.shape, dtype=torch.uint8)
    for number in range(1, scores.shape[1]):
        found.masked_fill_(scores[:, number] > best, number)
        torch.maximum(best, scores[:, number], out=best)
    return found.numpy()


def mean_overlap(confusion: np.ndarray) -> np.ndarray:
    """Returns the mean over the classes present of intersection over union.

    Args:
        confusion: (..., C, C) pixels by truth and answer.

    Returns:
        (...) float64; a class counts where it is in the truth or in the answers.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1).astype(float)
    union = confusion.sum(-1) + confusion.sum(-2) - hits
    each = np.divide(hits, union, out=np.zeros_like(hits), where=union > 0)
    return np.asarray(each.sum(-1) / np.maximum((union > 0).sum(-1), 1))


def paired_gain(
    ours: np.ndarray, theirs: np.ndarray, clusters: np.ndarray, *, seed: int = 0
) -> tuple[float, float, float]:
    """Returns how much larger one mean IoU is than another on the same images, and its interval.

    Args:
        ours: (N, C, C) confusion matrices.
        theirs: Likewise.
        clusters: (N,) int: what belongs together is drawn together.
        seed: Of the bootstrap.

    Returns:
        The difference, and the ends of its 95 % interval.
    """
    _, numbers = np.unique(clusters, return_inverse=True)
    groups = int(numbers.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(
        groups, np.full(groups, 1 / groups), size=_RESAMPLES
    )
    weights = drawn[:, numbers].astype(float)
    pair = [
        mean_overlap(np.tensordot(weights, each.astype(float), axes=(1, 0)))
        for each in (ours, theirs)
    ]
    low, high = np.quantile(pair[0] - pair[1], [0.025, 0.975])
    value = mean_overlap(ours.sum(0)) - mean_overlap(theirs.sum(0))
    return float(value), float(low), float(high)


def dense_temperature(scores: np.ndarray, truth: np.ndarray, *, most: int = 40_000) -> float:
    """Returns what held-out scores are divided by to be calibrated probabilities.

    Args:
        scores: (N, C, h, w) of the input square.
        truth: (N, side, side) uint8 classes of the same square, of any size; others do not count.
        most: Pixels to look at, drawn evenly from all of them.
    """
    rows, classes = _known_pixels(scores, truth, most)
    return float(fit_temperature(rows, classes)) if len(rows) else 1.0


def _known_pixels(
    scores: np.ndarray, truth: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (P, C) float64 scores and (P,) int64 classes of some pixels that are known."""
    _, classes, height, width = scores.shape
    known = np.flatnonzero(truth.ravel() < classes)
    chosen = known[np.unique(np.linspace(0, len(known) - 1, min(most, len(known))).astype(int))]
    image, row, column = np.unravel_index(chosen, truth.shape)
    down, across = row * height // truth.shape[1], column * width // truth.shape[2]
    rows = scores[image, :, down, across].astype(np.float64)
    return rows, truth.ravel()[chosen].astype(np.int64)


def sharpness(
    scores: np.ndarray, truth: np.ndarray, temperature: float, *, most: int = 40_000
) -> float:
    """Returns the mean entropy of the answers to pixels that are known; less is surer.

    Args:
        scores: (N, C, h, w) of the input square.
        truth: (N, side, side) uint8 classes of the same square; others do not count.
        temperature: Divides the scores.
        most: Pixels to look at.
    """
    rows, _ = _known_pixels(scores, truth, most)
    return _entropy(rows, temperature) if len(rows) else 0.0


def _entropy(rows: np.ndarray, temperature: float) -> float:
    logs = rows / temperature
    logs = logs - logs.max(axis=1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    return float(-(np.exp(logs) * logs).sum(axis=1).mean())


def same_sharpness(
    scores: np.ndarray, truth: np.ndarray, entropy: float, *, most: int = 40_000
) -> float:
    """Returns the temperature at which answers are as sure as others were of the same images.

    A model that learns on grows surer of what it learns from, and nothing is left that it has not
    seen: so it is made as sure of these images as it was when held-out images said how sure.

    Args:
        scores: (N, C, h, w) of the input square.
        truth: (N, side, side) uint8 classes of the same square; others do not count.
        entropy: As `sharpness` gave it before.
        most: Pixels to look at.
    """
    rows, _ = _known_pixels(scores, truth, most)
    low, high = 0.05, 20.0
    if not len(rows) or not _entropy(rows, low) < entropy < _entropy(rows, high):
        return 1.0
    for _ in range(30):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if _entropy(rows, middle) < entropy else (low, middle)
    return (low * high) ** 0.5
