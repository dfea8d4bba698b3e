"""Segmentation: a class for every pixel.

A network gives probabilities on a coarse grid of its own square input. They are put back on the
pixels of the image (`maps`), compared with the mask at the image's own size, and counted once
(`counting`); every measure and its interval comes of those counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.masks.masks import Masks
from headstart.errors import DataError
from headstart.images.stats import ImageStats
from headstart.images.threads import ordered_map
from headstart.metrics.segmentation import (
    boundary_f1,
    dice,
    mean_iou,
    pixel_accuracy,
    pixel_calibration,
)
from headstart.metrics.statistic import Measure, Statistic
from headstart.records import Finding, OutputSpec
from headstart.tasks.drawing import beside
from headstart.tasks.protocol import Outputs, Places, Target
from headstart.tasks.segmentation.checks import check_masks
from headstart.tasks.segmentation.counting import columns_for, tally
from headstart.tasks.segmentation.files import write_answers
from headstart.tasks.segmentation.kept import read_labels, write_labels
from headstart.tasks.segmentation.maps import SegmentationMaps
from headstart.tasks.segmentation.paint import overlaid, tinted
from headstart.tasks.segmentation.rough import rough
from headstart.tasks.segmentation.served import served
from headstart.tasks.segmentation.shown import details_of

__all__ = [
    "MEASURES",
    "PLACED",
    "PRIMARY",
    "baselines",
    "check",
    "compared",
    "decode",
    "details",
    "draw",
    "encode",
    "measures",
    "read_labels",
    "rough",
    "served",
    "write_answers",
    "write_labels",
]

PRIMARY = Measure(
    "mean_iou", "mean IoU",
    meaning="overlap of predicted and true area over their union, every class counting alike",
    counted=False,
)  # fmt: skip
MEASURES = (
    PRIMARY,
    Measure("pixel_accuracy", "pixel accuracy", meaning="share of pixels given the right class"),
    Measure("dice", "Dice", meaning="F1 of pixels, every class counting alike"),
    Measure(
        "boundary_f1", "boundary F1",
        meaning="how many boundaries lie within 0.75% of the image's diagonal of the true ones",
    ),
    Measure(
        "ece", "calibration error", False,
        meaning="typical distance of a pixel's confidence from accuracy, beyond chance",
    ),
)  # fmt: skip

PLACED = True
"""Answers are places on an image."""

_MOST_MASKS, _SIDE = 200, 32


def check(dataset: Dataset, stats: ImageStats, clusters: np.ndarray) -> Iterator[Finding]:
    """Yields what only masks can have wrong."""
    yield from check_masks(dataset, stats, clusters)


def encode(labels: Masks, train: np.ndarray, spec: OutputSpec | None = None) -> Target:
    """Returns the classes of the masks and how they are drawn; nothing is fitted to the masks.

    Raises:
        DataError: If a mask has a class that is not among those of `spec`.
    """
    if spec is None:
        spec = OutputSpec("segmentation", labels.names, {"palette": labels.palette.tolist()})
        return Target(labels.strata, spec)
    columns = np.append(columns_for(spec.names, labels)[: len(labels.names)].astype(np.int64), -1)
    return Target(columns[labels.strata], spec)


def decode(outputs: Outputs, spec: OutputSpec, places: Places) -> SegmentationMaps:
    """Says where on the images the (N, C, h, w) calibrated ``probabilities`` of a network are.

    ``sizes`` and ``matrices`` come of `places`, or were kept beside the probabilities; without
    either the image is what the network saw, at the size it saw.

    Raises:
        DataError: If a network did not see the whole of an image.
    """
    probabilities = outputs["probabilities"]
    n, stride = len(places.names), float(spec.settings.get("stride", 1))
    side = int(spec.settings.get("size", round(probabilities.shape[-1] * stride)))
    sizes = _either(places.sizes, outputs.get("sizes"), np.full((n, 2), side, np.int32))
    matrices = _either(places.matrices, outputs.get("matrices"), np.tile(np.eye(2, 3), (n, 1, 1)))
    _refuse_parts(probabilities, sizes, matrices, stride)
    palette = np.asarray(spec.settings["palette"], np.uint8)
    return SegmentationMaps(
        places.names, spec.names, palette, probabilities, sizes, matrices, stride,
        dict(places.errors), places.boxes, places.threshold,
    )  # fmt: skip


def _either(first: np.ndarray | None, second: np.ndarray | None, default: np.ndarray) -> np.ndarray:
    return first if first is not None else second if second is not None else default


def _refuse_parts(
    probabilities: np.ndarray, sizes: np.ndarray, matrices: np.ndarray, stride: float
) -> None:
    """Refuses images of which something lies outside of the maps: it would be guessed."""
    if not len(sizes):
        return
    room = np.array([probabilities.shape[3], probabilities.shape[2]]) * stride
    scale = np.stack((matrices[:, 0, 0], matrices[:, 1, 1]), axis=1)
    shift = matrices[:, :, 2]
    ends = np.stack((shift, shift + scale * sizes))
    if (ends < -1).any() or (ends > room + 1).any():
        raise DataError(
            "the network saw only a part of an image, and cannot say what is beyond it: "
            "segmentation needs --geometry pad or squash"
        )


def measures(predictions: SegmentationMaps, labels: Masks) -> dict[str, Statistic]:
    """Returns mean IoU, pixel accuracy, Dice, boundary F1 and calibration error.

    Args:
        predictions: Of N items, all answered.
        labels: Of the same, all known.
    """
    found = tally(predictions, labels)
    return {
        "mean_iou": mean_iou(found.counts),
        "pixel_accuracy": pixel_accuracy(found.counts),
        "dice": dice(found.counts),
        "boundary_f1": Statistic(lambda w: boundary_f1(found.boundaries)(w), len(predictions)),
        "ece": Statistic(lambda w: pixel_calibration(found.bins)(w), len(predictions)),
    }


def details(
    predictions: SegmentationMaps, labels: Masks, clusters: np.ndarray | None, seed: int
) -> dict[str, Any]:
    """Returns what the report's sections show: classes, confusion, areas, and which images.

    ``mistakes`` are the images to look at first, and ``examples`` the best, middle and worst.
    """
    return details_of(predictions, labels, tally(predictions, labels), clusters, seed)


def baselines(
    labels: Masks, names: tuple[str, ...], train: np.ndarray, test: np.ndarray
) -> dict[str, SegmentationMaps]:
    """Returns the most frequent class everywhere, and the mean of the training masks.

    The mean mask knows where on an image each class tends to be, and nothing else.
    """
    classes = len(labels.names)
    train = np.asarray(train)[labels.known[train]]
    common = np.eye(classes)[labels.pixels[train].sum(axis=0).argmax()]
    some = train[
        np.unique(np.linspace(0, len(train) - 1, min(_MOST_MASKS, len(train))).astype(int))
    ]
    total = np.full((classes, _SIDE, _SIDE), 1e-6)

    def read(index: int) -> np.ndarray:
        return labels.read(index, (_SIDE, _SIDE))

    for mask in ordered_map(read, some.tolist()):
        total += mask == np.arange(classes)[:, None, None]
    answers = {"majority": common[:, None, None], "mean_mask": total / total.sum(axis=0)}
    return {name: _same(each, labels, names, test) for name, each in answers.items()}


def _same(
    answer: np.ndarray, labels: Masks, names: tuple[str, ...], test: np.ndarray
) -> SegmentationMaps:
    """Returns one (C, side, side) answer for every image, spread over the whole of it."""
    sizes = np.maximum(labels.sizes[test], 1)
    side = answer.shape[-1]
    matrices = np.zeros((len(test), 2, 3))
    matrices[:, [0, 1], [0, 1]] = side / sizes
    return SegmentationMaps(
        tuple(names[i] for i in test), labels.names, labels.palette,
        np.broadcast_to(answer.astype(np.float32), (len(test), *answer.shape)), sizes, matrices,
    )  # fmt: skip


def draw(pixels: np.ndarray, predictions: SegmentationMaps, index: int) -> np.ndarray:
    """Returns (H, W, 3) uint8 with the classes laid over the image, and a legend."""
    height, width = pixels.shape[:2]
    own = predictions.resized(index, (width, height)).labels(0, abstain=True)
    return overlaid(pixels, own, predictions.palette, predictions.classes)


def compared(
    pixels: np.ndarray, predictions: SegmentationMaps, labels: Masks, index: int
) -> np.ndarray:
    """Returns (H, 2 W + gap, 3) uint8: the image with the true mask on it, and with the answer.

    Args:
        pixels: (H, W, 3) uint8 RGB, the image at any size.
        predictions: Of N items.
        labels: Of the same.
        index: Of the item.
    """
    size = pixels.shape[1], pixels.shape[0]
    truth = columns_for(predictions.classes, labels)[labels.read(index, size)]
    answer = predictions.resized(index, size).labels(0)
    return beside(*(tinted(pixels, each, predictions.palette) for each in (truth, answer)))
