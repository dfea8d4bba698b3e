"""Average precision and recall of detections, as COCO defines them, over weights of images.

Detections are matched once (`matching`). A replicate only weighs the images otherwise, so that it
costs two cumulative sums: a thousand of them take well under a second for 200 images. Several
measures are means of the same average precisions under the same replicates, which are kept.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from headstart.metrics.matching import IOUS, RANGES, Matches
from headstart.metrics.statistic import Statistic

__all__ = [
    "MOST_DETECTIONS",
    "average_precision",
    "average_recall",
    "class_precisions",
    "precision_curves",
]

MOST_DETECTIONS = 100
"""Detections of one class on one image that count, the most certain ones."""

_RECALLS = np.linspace(0.0, 1.0, 101)
_CELLS = 1 << 17  # weights of detections that are worked on at once: they fit a processor's cache
_THREADS = 4  # that work on such parts; the interpreter's lock leaves no more of use
_KEPT = 1024  # average precisions, each of one class and overlap under all replicates
_known: OrderedDict[bytes, np.ndarray] = OrderedDict()


@dataclass(frozen=True)
class _Ranked:
    """The detections of one class and size of objects, the most certain first.

    Attributes:
        items: (K,) item of each.
        hits: (T, K) bool.
        counts: (T, K) bool: which count for or against.
        positives: (N,) true boxes.
    """

    items: np.ndarray
    hits: np.ndarray
    counts: np.ndarray
    positives: np.ndarray

    @cached_property
    def keys(self) -> list[bytes]:
        """What decides the average precision at each level, beside weights."""
        whole = self.items.tobytes() + self.positives.tobytes()
        pairs = zip(self.hits, self.counts, strict=True)
        return [_digest(whole, hits.tobytes(), counts.tobytes()) for hits, counts in pairs]


def _digest(*parts: bytes) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()


def _ranked(matches: Matches, kind: int, size: int, levels: np.ndarray) -> _Ranked:
    rows = np.flatnonzero((matches.classes == kind) & (matches.ranks < MOST_DETECTIONS))
    rows = rows[np.lexsort((matches.ranks[rows], matches.items[rows]))]
    rows = rows[np.argsort(-matches.scores[rows], kind="stable")]
    return _Ranked(
        matches.items[rows],
        matches.hits[size][levels][:, rows],
        ~matches.passed[size][levels][:, rows],
        matches.positives[size, :, kind].astype(np.float64),
    )


def _precisions(ranked: _Ranked, weights: np.ndarray) -> np.ndarray:
    """Returns (B, T) average precision under (B, N) weights; NaN where no true box counts."""
    values = np.full((len(weights), len(ranked.hits)), np.nan)
    if not ranked.positives.any():
        return values
    told = np.ascontiguousarray(weights, np.float64).tobytes()
    keys = [_digest(key, told) for key in ranked.keys]
    for level, key in enumerate(keys):
        kept = _known.get(key)
        if kept is not None:
            values[:, level] = kept
    missing = [level for level, key in enumerate(keys) if key not in _known]
    if missing:
        values[:, missing] = _at_levels(ranked, weights, missing)
    for level in missing:
        _known[keys[level]] = values[:, level].copy()
    while len(_known) > _KEPT:
        _known.popitem(last=False)
    return values


def _at_levels(ranked: _Ranked, weights: np.ndarray, levels: list[int]) -> np.ndarray:
    """Returns (B, L) average precision at some of the levels."""
    rows = len(weights)
    values = np.full((rows, len(levels)), np.nan)
    total = weights @ ranked.positives
    step = max(1, _CELLS // max(1, len(ranked.items)))

    def fill(start: int) -> None:
        part = slice(start, start + step)
        each = weights[part][:, ranked.items]
        shared: dict[bytes, np.ndarray] = {}
        for at, level in enumerate(levels):
            key = ranked.counts[level].tobytes()
            if key not in shared:  # nearly always the same at all levels
                shared[key] = np.cumsum(each * ranked.counts[level], axis=1)
            hits = np.flatnonzero(ranked.hits[level])
            right = np.cumsum(each[:, hits], axis=1)
            values[part, at] = _areas_under(right, shared[key][:, hits], total[part])

    if rows <= step:
        fill(0)
    else:  # sums of long rows let other threads go on
        with ThreadPoolExecutor(max(1, min(_THREADS, os.cpu_count() or 1))) as pool:
            list(pool.map(fill, range(0, rows, step)))
    values[total <= 0] = np.nan
    return values


def _areas_under(right: np.ndarray, counted: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Returns (B,) mean precision at 101 recalls.

    Args:
        right: (B, H) weight of hits up to each hit.
        counted: (B, H) weight of all that counts up to there.
        total: (B,) weight of the true boxes.
    """
    if not right.shape[1]:
        return np.zeros(len(right))
    precision = right / (counted + np.spacing(1))
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = right / np.where(total > 0, total, 1.0)[:, None]
    padded = np.concatenate([precision, np.zeros((len(right), 1))], axis=1)
    places = np.stack([np.searchsorted(row, _RECALLS, side="left") for row in recall])
    return np.take_along_axis(padded, places, axis=1).mean(axis=1)


def _over(values: np.ndarray) -> np.ndarray:
    """(B,) means of (B, …) values that are not NaN."""
    flat = values.reshape(len(values), -1)
    known = ~np.isnan(flat)
    count = known.sum(axis=1)
    total = np.where(known, flat, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(len(flat), np.nan), where=count > 0))


def average_precision(
    matches: Matches, *, iou: float | None = None, size: str = "all"
) -> Statistic:
    """Returns the mean average precision over the classes that have true boxes.

    Args:
        matches: Of N items.
        iou: The overlap that is demanded; None for the mean over 0.5, 0.55, … 0.95.
        size: Of the objects: a key of `RANGES`.
    """
    ranked = _all_ranked(matches, iou, size)

    def of(weights: np.ndarray) -> np.ndarray:
        return _over(np.stack([_precisions(each, weights) for each in ranked], axis=1))

    return Statistic(of, matches.n)


def class_precisions(matches: Matches, *, iou: float | None = None) -> Statistic:
    """Returns the average precision of every class: (B, C) values, NaN without true boxes."""
    ranked = _all_ranked(matches, iou, "all")

    def of(weights: np.ndarray) -> np.ndarray:
        return np.stack([_over(_precisions(each, weights)) for each in ranked], axis=1)

    return Statistic(of, matches.n)


def _all_ranked(matches: Matches, iou: float | None, size: str) -> list[_Ranked]:
    levels = np.arange(len(IOUS))
    if iou is not None:
        levels = levels[[int(np.argmin(np.abs(IOUS - iou)))]]
    number = list(RANGES).index(size)
    return [_ranked(matches, kind, number, levels) for kind in range(matches.positives.shape[2])]


def average_recall(
    matches: Matches, *, most: int = MOST_DETECTIONS, size: str = "all"
) -> Statistic:
    """Returns the mean over overlaps and classes of the share of true boxes that are found.

    Args:
        matches: Of N items.
        most: Detections of one class on one image that count: 1, 10 or 100.
        size: Of the objects: a key of `RANGES`.
    """
    number = list(RANGES).index(size)
    classes = matches.positives.shape[2]
    counts = np.zeros((matches.n, len(IOUS), classes))
    kept = matches.ranks < most
    for level in range(len(IOUS)):
        rows = np.flatnonzero(matches.hits[number, level] & kept)
        np.add.at(counts[:, level], (matches.items[rows], matches.classes[rows]), 1)
    flat = counts.reshape(matches.n, -1)
    positives = matches.positives[number].astype(np.float64)

    def of(weights: np.ndarray) -> np.ndarray:
        found = (weights @ flat).reshape(len(weights), len(IOUS), classes)
        total = (weights @ positives)[:, None, :]
        return _over(np.divide(found, total, out=np.full(found.shape, np.nan), where=total > 0))

    return Statistic(of, matches.n)


def precision_curves(matches: Matches, *, iou: float = 0.5) -> list[dict[str, np.ndarray]]:
    """Returns recall, precision and score of each class along its detections, for drawing.

    Args:
        matches: Of N items.
        iou: The overlap that is demanded.
    """
    level = int(np.argmin(np.abs(IOUS - iou)))
    curves = []
    for kind in range(matches.positives.shape[2]):
        rows = np.flatnonzero((matches.classes == kind) & (matches.ranks < MOST_DETECTIONS))
        rows = rows[~matches.passed[0, level][rows]]
        rows = rows[np.argsort(-matches.scores[rows], kind="stable")]
        right = np.cumsum(matches.hits[0, level][rows])
        total = max(1, int(matches.positives[0, :, kind].sum()))
        precision = right / np.arange(1, len(rows) + 1)
        curves.append(
            {"recall": right / total, "precision": precision, "score": matches.scores[rows]}
        )
    return curves
