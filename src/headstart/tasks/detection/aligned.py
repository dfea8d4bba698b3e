"""Detections and annotations as the flat boxes that are matched, with one order of classes."""

from __future__ import annotations

import numpy as np

from headstart.data.boxes.boxes import Boxes
from headstart.errors import DataError
from headstart.lists import some_of
from headstart.metrics.matching import FlatBoxes, Matches, match_boxes
from headstart.tasks.detection.detections import Detections

__all__ = ["class_columns", "found_boxes", "match_detections", "true_boxes"]


def class_columns(classes: tuple[str, ...], labels: Boxes) -> np.ndarray:
    """Returns (L,) int: which of C classes each of the L classes of labels is; -1 without boxes.

    Raises:
        DataError: If a class that has boxes is not among them.
    """
    index = {name: number for number, name in enumerate(classes)}
    columns = np.array([index.get(name, -1) for name in labels.names], np.int64)
    counts = labels.tallies.sum(axis=0)
    unknown = [n for n, c, k in zip(labels.names, counts, columns, strict=True) if k < 0 and c]
    if unknown:
        what = "class" if len(unknown) == 1 else "classes"
        raise DataError(
            f"the model does not know the {what} {some_of(unknown, 4)}; it knows "
            f"{some_of(classes, 6)}"
        )
    return columns


def true_boxes(labels: Boxes, classes: tuple[str, ...]) -> FlatBoxes:
    """Returns the boxes of labels that can be used, clipped to their images.

    Args:
        labels: Of N items.
        classes: C names, in whose order classes are numbered.
    """
    sound = labels.sound
    columns = class_columns(classes, labels)
    kinds = columns[sound.classes] if len(sound.classes) else sound.classes
    return FlatBoxes(
        sound.offsets, sound.corners, kinds, crowd=sound.crowd, difficult=sound.difficult
    )


def found_boxes(predictions: Detections) -> FlatBoxes:
    """Returns the boxes that were found, of any score."""
    return FlatBoxes(
        predictions.offsets, predictions.corners.astype(np.float64), predictions.labels,
        predictions.scores.astype(np.float64),
    )  # fmt: skip


def match_detections(predictions: Detections, labels: Boxes) -> Matches:
    """Matches what was found with what is there.

    Args:
        predictions: Of N items.
        labels: Of the same, all known.
    """
    truth = true_boxes(labels, predictions.classes)
    return match_boxes(found_boxes(predictions), truth, len(predictions.classes))
