"""Detection: any number of boxes on an image, each with a class and a score.

A network gives boxes in pixels of its own input. They are put back on the image (`decode`) and
matched once with the true boxes; every measure and its interval comes of those matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from headstart.data.boxes.boxes import Boxes
from headstart.data.dataset import Dataset
from headstart.images.stats import ImageStats
from headstart.metrics.detection import average_precision, average_recall
from headstart.metrics.statistic import Measure, Statistic
from headstart.records import Finding, OutputSpec
from headstart.tasks.detection.aligned import class_columns, match_detections
from headstart.tasks.detection.checks import check_boxes
from headstart.tasks.detection.detections import Detections
from headstart.tasks.detection.drawn import draw_boxes, draw_found
from headstart.tasks.detection.files import write_answers
from headstart.tasks.detection.kept import read_labels, write_labels
from headstart.tasks.detection.noise import disturbed, noise_of
from headstart.tasks.detection.select import FLOOR, MOST_BOXES, OVERLAP, select
from headstart.tasks.detection.shown import detection_details
from headstart.tasks.drawing import beside
from headstart.tasks.protocol import Outputs, Places, Target

__all__ = [
    "FEWEST_CLASSES",
    "MEASURES",
    "OBJECTS",
    "PLACED",
    "PRIMARY",
    "baselines",
    "check",
    "compared",
    "decode",
    "details",
    "disturbed",
    "draw",
    "encode",
    "measures",
    "noise_of",
    "read_labels",
    "rough",
    "settle",
    "write_answers",
    "write_labels",
]

PRIMARY = Measure(
    "map", "AP",
    meaning="average precision over all classes and overlaps from 0.5 to 0.95, as COCO defines it",
    counted=False,
)  # fmt: skip
MEASURES = (
    PRIMARY,
    Measure("map_50", "AP50", meaning="the same, where half an overlap is enough"),
    Measure("map_75", "AP75", meaning="the same, where three quarters of overlap are demanded"),
    Measure(
        "mar_100", "AR",
        meaning="share of objects that are found at all, over the same overlaps, of at most 100 "
        "boxes of a class on an image",
    ),
)  # fmt: skip

PLACED = True
"""Answers are places on an image."""

OBJECTS = True
"""They are any number of objects, each with a score."""

FEWEST_CLASSES = 1
"""Classes that there must be: one is enough, an object is there or it is not."""

_THRESHOLD = 0.3


def check(dataset: Dataset, stats: ImageStats, clusters: np.ndarray) -> Iterator[Finding]:
    """Yields what only boxes can have wrong."""
    yield from check_boxes(dataset, stats, clusters)


def encode(labels: Boxes, train: np.ndarray, spec: OutputSpec | None = None) -> Target:
    """Returns the rarest class of each item, and the classes; -1 also where nothing is.

    Raises:
        DataError: If a box has a class that is not among those of `spec`.
    """
    if spec is None:
        spec = OutputSpec("detection", labels.names, {"threshold": _THRESHOLD})
    columns = np.append(class_columns(spec.names, labels), (-1, -1))
    return Target(columns[labels.strata], spec)


def settle(outputs: Outputs, spec: OutputSpec) -> Outputs:
    """Returns the boxes that are left of what a network says of every cell (`select`).

    Outputs with ``labels`` are such boxes already. Settings: ``floor``, ``overlap``, ``most`` and
    ``calibration`` (a, b), as `select` takes them.
    """
    if "labels" in outputs:
        return outputs
    told = spec.settings
    calibration = told.get("calibration")
    kept = select(
        outputs["boxes"],
        outputs["scores"],
        floor=float(told.get("floor", FLOOR)),
        iou=float(told.get("overlap", OVERLAP)),
        most=int(told.get("most", MOST_BOXES)),
        calibration=None if calibration is None else (calibration[0], calibration[1]),
    )
    return {name: array for name, array in outputs.items() if name not in kept} | kept


def decode(outputs: Outputs, spec: OutputSpec, places: Places) -> Detections:
    """Puts boxes of the network's input back on the images; those that lie beside it are dropped.

    Raw outputs are settled first (`settle`): ``boxes`` (N, K, 4) left, top, right, bottom,
    ``scores`` (N, K) and ``labels`` (N, K) are filled up with scores of 0 or less; scores of NaN
    are of an item that could not be read. ``sizes`` and ``matrices`` come of `places`, or were
    kept beside them; without matrices boxes are in pixels of the image.
    """
    outputs = settle(outputs, spec)
    boxes, scores = np.asarray(outputs["boxes"], np.float64), np.asarray(outputs["scores"])
    n = len(places.names)
    sizes = _either(places.sizes, outputs.get("sizes"), np.zeros((n, 2), np.int64))
    matrices = _either(places.matrices, outputs.get("matrices"), np.tile(np.eye(2, 3), (n, 1, 1)))
    torn = np.isnan(scores).any(axis=1)
    errors = {places.names[i]: "unreadable" for i in np.flatnonzero(torn)} | places.errors
    readable = np.array([name not in errors for name in places.names], bool)
    with np.errstate(invalid="ignore"):
        kept = (scores > 0) & readable[:, None]
    items, places_of = np.nonzero(kept)
    found = _on_images(boxes[items, places_of], matrices[items], sizes[items])
    seen = (found[:, 2:] > found[:, :2]).all(axis=1)  # what was found in the padding is nowhere
    items, places_of, found = items[seen], places_of[seen], found[seen]
    counts = np.bincount(items, minlength=n)
    return Detections(
        places.names, spec.names, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), found,
        scores[items, places_of].astype(np.float64),
        np.asarray(outputs["labels"])[items, places_of].astype(np.int64),
        np.asarray(sizes, np.int64), dict(errors), places.boxes,
        places.threshold or float(spec.settings.get("threshold", _THRESHOLD)),
    )  # fmt: skip


def _either(first: np.ndarray | None, second: np.ndarray | None, default: np.ndarray) -> np.ndarray:
    return first if first is not None else second if second is not None else default


def _on_images(boxes: np.ndarray, matrices: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Returns (M, 4) boxes on images, of (M, 4) on inputs and the (M, 2, 3) that lead there."""
    scale = np.stack((matrices[:, 0, 0], matrices[:, 1, 1]), axis=1)
    shift = matrices[:, :, 2]
    found = (boxes - np.tile(shift, 2)) / np.tile(scale, 2)
    ends = np.where(sizes > 0, sizes, np.inf)
    return np.asarray(np.clip(found, 0, np.tile(ends, 2)))


def measures(predictions: Detections, labels: Boxes) -> dict[str, Statistic]:
    """Returns AP, AP50, AP75 and AR.

    Args:
        predictions: Of N items, all answered.
        labels: Of the same, all known.
    """
    matches = match_detections(predictions, labels)
    return {
        "map": average_precision(matches),
        "map_50": average_precision(matches, iou=0.5),
        "map_75": average_precision(matches, iou=0.75),
        "mar_100": average_recall(matches),
    }


def rough(predictions: Detections, labels: Boxes) -> Callable[[Detections], Statistic]:
    """Returns what gives the AP of answers to the same items, and nothing else.

    Args:
        predictions: Answers to N items, all answered.
        labels: Of the same, all known.
    """
    return lambda found: average_precision(match_detections(found, labels))


def details(
    predictions: Detections, labels: Boxes, clusters: np.ndarray | None, seed: int
) -> dict[str, Any]:
    """Returns what the report's sections show: classes, curves, kinds of error, sizes, counts."""
    return detection_details(predictions, labels, clusters, seed)


def baselines(
    labels: Boxes, names: tuple[str, ...], train: np.ndarray, test: np.ndarray
) -> dict[str, Detections]:
    """Returns one fixed box of each class on every image: its median box, or the whole image.

    Boxes are shares of the image. The score of a class is the share of training images that it is
    on, so that the most frequent one comes first.
    """
    train = np.asarray(train)[labels.known[train]]
    own = labels.take(train).sound
    sizes = np.maximum(own.sizes[own.items], 1).astype(float)
    shares = own.corners / np.tile(sizes, 2)
    kinds = [k for k in range(len(labels.names)) if (own.classes == k).any()]
    scores = np.array([(own.tallies[:, k] > 0).mean() for k in kinds])
    median = np.array([np.median(shares[own.classes == k], axis=0) for k in kinds]).reshape(-1, 4)
    whole = np.tile([0.0, 0.0, 1.0, 1.0], (len(kinds), 1))
    shown = np.maximum(labels.sizes[test], 1)
    offsets = np.arange(len(shown) + 1) * len(kinds)
    return {
        name: Detections(
            tuple(names[i] for i in test), labels.names, offsets,
            (boxes[None] * np.tile(shown, 2)[:, None]).reshape(-1, 4).astype(np.float64),
            np.tile(scores, len(shown)), np.tile(np.array(kinds, np.int64), len(shown)), shown,
        )
        for name, boxes in (("median_box", median), ("whole_image", whole))
    }  # fmt: skip


def compared(pixels: np.ndarray, predictions: Detections, labels: Boxes, index: int) -> np.ndarray:
    """Returns (H, 2 W + gap, 3) uint8: the image with the true boxes, and with those found.

    Args:
        pixels: (H, W, 3) uint8 RGB, the image at any size.
        predictions: Of N items.
        labels: Of the same.
        index: Of the item.
    """
    truth = labels.take(np.array([index])).sound
    scale = np.array([pixels.shape[1], pixels.shape[0]]) / np.maximum(labels.sizes[index], 1)
    kinds = class_columns(predictions.classes, labels)[truth.classes]
    words = [labels.names[each] for each in truth.classes.tolist()]
    right = draw_boxes(pixels, truth.corners * np.tile(scale, 2), kinds, words)
    return beside(right, draw_found(pixels, predictions, index))


def draw(
    pixels: np.ndarray, predictions: Detections, index: int, *, numbers: Sequence[int] = ()
) -> np.ndarray:
    """Returns (H, W, 3) uint8 with the boxes of one answer on the image, whatever its size.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        predictions: Of N items.
        index: Of the item.
        numbers: Of its objects, the most certain first, where they are followed.
    """
    return draw_found(pixels, predictions, index, numbers=numbers)
