"""Mean IoU again and again, on as many pixels as the network has cells: what noise costs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headstart.data.masks.masks import IGNORED, Masks
from headstart.metrics.segmentation import mean_iou, pixel_counts
from headstart.metrics.statistic import Statistic
from headstart.tasks.segmentation.counting import columns_for
from headstart.tasks.segmentation.maps import SegmentationMaps

__all__ = ["rough"]


def rough(predictions: SegmentationMaps, labels: Masks) -> Callable[[SegmentationMaps], Statistic]:
    """Returns a quick way to measure the mean IoU of answers to the same items.

    Masks are read once, at one pixel for a cell of the network's grid.

    Args:
        predictions: Of N items.
        labels: Of the same, all known.
    """
    columns = columns_for(predictions.classes, labels)
    grids = [_grid(predictions, index) for index in range(len(predictions))]
    truths = [columns[labels.read(index, grid)] for index, grid in enumerate(grids)]
    classes = len(predictions.classes)

    def measure(found: SegmentationMaps) -> Statistic:
        counts = np.zeros((len(truths), classes, classes), np.int64)
        for index, (truth, grid) in enumerate(zip(truths, grids, strict=True)):
            known = truth != IGNORED
            answer = found.resized(index, grid).labels(0)[known].astype(np.int64)
            pairs = truth[known].astype(np.int64) * classes + answer
            counts[index] = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
        return mean_iou(pixel_counts(counts))

    return measure


def _grid(predictions: SegmentationMaps, index: int) -> tuple[int, int]:
    """Returns how many cells an image has on the network's grid, across and down."""
    width, height = predictions.sizes[index]
    across, down = np.abs(predictions.matrices[index][[0, 1], [0, 1]]) / predictions.stride
    return max(1, round(float(width * across))), max(1, round(float(height * down)))
