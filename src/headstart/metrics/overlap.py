"""How much boxes overlap."""

from __future__ import annotations

import numpy as np

__all__ = ["overlaps"]


def overlaps(first: np.ndarray, second: np.ndarray, crowd: np.ndarray | None = None) -> np.ndarray:
    """Returns (A, B) intersections over union of boxes.

    The operations are those of pycocotools, in their order, so that ties at a threshold fall as
    they do there.

    Args:
        first: (A, 4) left, top, right, bottom: detections.
        second: (B, 4) likewise: truths.
        crowd: (B,) bool; of a crowd, the area of the detection stands for the union.
    """
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = high - low
    shared = np.where((sides > 0).all(axis=2), sides[..., 0] * sides[..., 1], 0.0)
    area = (first[:, 2] - first[:, 0]) * (first[:, 3] - first[:, 1])
    other = (second[:, 2] - second[:, 0]) * (second[:, 3] - second[:, 1])
    union = area[:, None] + other[None, :] - shared
    if crowd is not None:
        union = np.where(crowd[None, :], area[:, None], union)
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0))
