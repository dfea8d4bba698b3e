"""Where to look first: the images with most errors, and single errors as crops."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.data.boxes.boxes import Boxes
from headstart.metrics.box_errors import KINDS, BoxErrors
from headstart.metrics.matching import FlatBoxes
from headstart.tasks.detection.detections import Detections

__all__ = ["images_first", "single_errors"]

_FIRST, _CROPS = 12, 12
_SAID = {
    "class": "is of another class", "place": "lies beside it", "double": "is found twice",
    "background": "is nothing", "both": "is of another class, and beside it",
}  # fmt: skip


def images_first(predictions: Detections, labels: Boxes, errors: BoxErrors) -> list[dict[str, Any]]:
    """Returns the images with most errors, and of which kinds these are.

    Args:
        predictions: Of N items.
        labels: Of the same.
        errors: Of both.
    """
    totals = errors.counts.sum(axis=1)
    order = np.argsort(-totals, kind="stable")[:_FIRST]
    return [
        {
            "name": predictions.names[i],
            "truth": labels.text(i),
            "predicted": predictions.text(i),
            "errors": {k: n for k, n in zip(KINDS, errors.counts[i].tolist(), strict=True) if n},
        }
        for i in order.tolist()
        if totals[i]
    ]


def single_errors(
    predictions: Detections, truth: FlatBoxes, errors: BoxErrors
) -> list[dict[str, Any]]:
    """Returns false alarms, the most certain first, then missed objects, the largest first.

    No image gives more than two of a sort. Each has the ``region`` that it is seen at, in pixels.

    Args:
        predictions: Of N items.
        truth: True boxes of the same.
        errors: Of both.
    """
    wrong = np.flatnonzero(errors.kinds >= 0)
    wrong = wrong[np.argsort(-predictions.scores[wrong], kind="stable")]
    owners = np.repeat(np.arange(len(predictions)), np.diff(predictions.offsets))
    found = [
        {
            "what": "false alarm",
            "name": predictions.names[owners[row]],
            "class": predictions.classes[predictions.labels[row]],
            "score": float(predictions.scores[row]),
            "why": _SAID[KINDS[errors.kinds[row]]],
            "region": [round(float(side), 1) for side in predictions.corners[row]],
        }
        for row in _spread(wrong, owners)
    ]
    missed = np.flatnonzero(errors.missed)
    areas = (truth.corners[missed, 2:] - truth.corners[missed, :2]).prod(axis=1)
    missed = missed[np.argsort(-areas, kind="stable")]
    return found + [
        {
            "what": "missed",
            "name": predictions.names[truth.items[row]],
            "class": predictions.classes[truth.classes[row]],
            "region": [round(float(side), 1) for side in truth.corners[row]],
        }
        for row in _spread(missed, truth.items)
    ]


def _spread(rows: np.ndarray, owners: np.ndarray) -> list[int]:
    """Returns the first rows, no more than two of one item."""
    kept: list[int] = []
    for row in rows.tolist():
        if len(kept) == _CROPS:
            break
        if sum(owners[each] == owners[row] for each in kept) < 2:
            kept.append(row)
    return kept
