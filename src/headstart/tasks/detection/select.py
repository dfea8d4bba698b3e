"""From what a network says of every cell to the boxes that are answers: class-wise NMS.

One piece of numpy for runs, ONNX files, servers and films, so that they cannot disagree. Boxes are
taken in order of score; one that overlaps a better one of its class is dropped (the greedy
non-maximum suppression of torchvision's `batched_nms`). Of an image only the 4,000 highest scores
are looked at, so that a network that is certain of nothing is not slow.
"""

from __future__ import annotations

import numpy as np

from headstart.tasks.protocol import Outputs

__all__ = ["FLOOR", "MOST_BOXES", "OVERLAP", "calibrated", "select"]

FLOOR, OVERLAP, MOST_BOXES = 0.02, 0.6, 300
"""Least score, overlap from which on two boxes are one object, most boxes on an image."""

_BLOCK, _CANDIDATES = 128, 4000
_EDGE = 1e-6


def select(
    boxes: np.ndarray,
    scores: np.ndarray,
    *,
    floor: float = FLOOR,
    iou: float = OVERLAP,
    most: int = MOST_BOXES,
    calibration: tuple[float, float] | None = None,
) -> Outputs:
    """Returns the boxes that are left of every cell's, the most certain first.

    Args:
        boxes: (N, A, 4) left, top, right, bottom of each of A cells.
        scores: (N, A, C) of each class, 0 to 1. An image with one that is not finite has no
            answer: its scores are NaN.
        floor: Scores up to this are left out. Boxes above a higher score are the same whatever
            the floor, for a better box is never dropped for a worse one.
        iou: Boxes of one class that overlap more are one object.
        most: K, for all classes together.
        calibration: (a, b) that turn a score into sigmoid(a * logit(score) + b); a above 0, so
            order and suppression stay as they are. The floor is of scores as given.

    Returns:
        ``boxes`` (N, K, 4) float32, ``scores`` (N, K) float32 and ``labels`` (N, K) int64, filled
        up with scores of 0: what `decode` takes.

    Raises:
        ValueError: If shapes do not fit each other, or a is not above 0.
    """
    boxes, scores = np.asarray(boxes), np.asarray(scores)
    if scores.ndim != 3 or boxes.shape != (*scores.shape[:2], 4):
        raise ValueError(f"boxes {boxes.shape} and scores {scores.shape}: not of the same cells")
    n, cells, classes = scores.shape
    found: Outputs = {
        "boxes": np.zeros((n, most, 4), np.float32),
        "scores": np.zeros((n, most), np.float32),
        "labels": np.zeros((n, most), np.int64),
    }
    finite = np.isfinite(scores).all(axis=(1, 2))
    for index in range(n):
        flat = scores[index].reshape(cells * classes)
        rows = np.flatnonzero(flat > floor)
        own = boxes[index, rows // max(classes, 1)].astype(np.float32)
        if not finite[index] or not np.isfinite(own).all():
            found["scores"][index] = np.nan
            continue
        order = np.argsort(-flat[rows], kind="stable")[:_CANDIDATES]
        kept = order[_best(own[order], rows[order] % max(classes, 1), iou, most)]
        count = len(kept)
        found["boxes"][index, :count] = own[kept]
        found["scores"][index, :count] = calibrated(flat[rows[kept]], calibration)
        found["labels"][index, :count] = rows[kept] % max(classes, 1)
    return found


def _best(corners: np.ndarray, labels: np.ndarray, iou: float, most: int) -> np.ndarray:
    """Returns the rows of at most `most` boxes that no better one of their class overlaps.

    Args:
        corners: (M, 4) in order of score.
        labels: (M,) int.
        iou: See `select`.
        most: See `select`.
    """
    kept = np.zeros(0, np.int64)
    for start in range(0, len(corners), _BLOCK):  # of thousands, most are never compared
        rows = np.arange(start, min(start + _BLOCK, len(corners)))
        rows = rows[~_same(corners, labels, rows, kept, iou).any(axis=1)]
        alike = np.triu(_same(corners, labels, rows, rows, iou), 1)
        free = np.ones(len(rows), bool)
        for place in np.flatnonzero(alike.any(axis=1)).tolist():
            if free[place]:
                free &= ~alike[place]
        kept = np.concatenate((kept, rows[free]))
        if len(kept) >= most:
            break
    return kept[:most]


def _same(
    corners: np.ndarray, labels: np.ndarray, some: np.ndarray, others: np.ndarray, iou: float
) -> np.ndarray:
    """Returns (S, O) bool: which boxes are of one class and overlap more than `iou`."""
    one, other = corners[some].T[:, :, None], corners[others].T[:, None, :]
    wide = np.minimum(one[2], other[2]) - np.maximum(one[0], other[0])
    high = np.minimum(one[3], other[3]) - np.maximum(one[1], other[1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    areas = [(each[2] - each[0]) * (each[3] - each[1]) for each in (one, other)]
    alike = labels[some][:, None] == labels[others][None, :]
    return np.asarray(alike & (shared > iou * (areas[0] + areas[1] - shared)))


def calibrated(scores: np.ndarray, calibration: tuple[float, float] | None) -> np.ndarray:
    """Returns scores as probabilities, never 0; as they are without a calibration.

    Args:
        scores: (K,), 0 to 1.
        calibration: (a, b) of sigmoid(a * logit(score) + b), a above 0.

    Raises:
        ValueError: If a is not above 0: the order of boxes would turn round.
    """
    if calibration is None:
        return scores
    slope, shift = calibration
    if not slope > 0:
        raise ValueError(f"a calibration of scores has a slope above 0, got {slope:g}")
    inner = np.clip(np.asarray(scores, np.float64), _EDGE, 1 - _EDGE)
    raised = slope * np.log(inner / (1 - inner)) + shift
    return np.asarray(np.clip(1 / (1 + np.exp(-np.clip(raised, -50, 50))), _EDGE, 1))
