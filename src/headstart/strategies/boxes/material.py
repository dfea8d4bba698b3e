"""`BoxMaterial`: the boxes of a data set on a network's input; `BoxScenes`: images that vary."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, cast

import numpy as np
import torch

from headstart.compute import Compute
from headstart.data.boxes.boxes import Boxes
from headstart.images.geometry import map_boxes
from headstart.images.inputs import InputImages
from headstart.images.preprocess import Preprocess
from headstart.metrics.matching import FlatBoxes
from headstart.nets.boxes.loss import UNKNOWN
from headstart.nets.boxes.warp import BoxWarp, pad_boxes, warp_boxes
from headstart.strategies.problem import Prepared

__all__ = ["BoxMaterial", "BoxScenes", "Squares", "box_scenes", "read_boxes"]

_HELD_BYTES = 1 << 31


@dataclass(frozen=True)
class BoxMaterial:
    """The boxes of N items, in pixels of the network's input.

    Attributes:
        items: (N,) int, of the data set.
        preprocess: How images are fitted.
        boxes: N arrays, (n, 4) left, top, right, bottom.
        classes: N arrays, (n,) int64; `UNKNOWN` of crowds and difficult objects.
        kinds: N arrays, (n,) int64 class, of those too.
        names: C class names.
    """

    items: np.ndarray
    preprocess: Preprocess
    boxes: tuple[np.ndarray, ...]
    classes: tuple[np.ndarray, ...]
    kinds: tuple[np.ndarray, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.items)

    @property
    def n_classes(self) -> int:
        """C."""
        return len(self.names)

    def truth(self, rows: Sequence[int] | np.ndarray) -> FlatBoxes:
        """Returns the boxes of some of the N, to be matched; those set aside are passed over."""
        boxes = [self.boxes[row] for row in rows]
        counts = [len(each) for each in boxes]
        aside = np.concatenate([np.zeros(0, bool), *(self.classes[row] < 0 for row in rows)])
        return FlatBoxes(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            np.concatenate([np.zeros((0, 4)), *boxes]).astype(np.float64),
            np.concatenate([np.zeros(0, np.int64), *(self.kinds[row] for row in rows)]),
            difficult=aside,
        )


def read_boxes(prepared: Prepared, items: np.ndarray, preprocess: Preprocess) -> BoxMaterial:
    """Puts the boxes of some items on the network's input.

    Args:
        prepared: The usable items.
        items: (N,) int.
        preprocess: How images are fitted.
    """
    labels, stats = cast(Boxes, prepared.dataset.labels), prepared.stats
    sound = labels.take(items).sound
    boxes, classes, kinds = [], [], []
    for at, item in enumerate(items.tolist()):
        own = sound.of(at)
        matrix = preprocess.matrix(int(stats.widths[item]), int(stats.heights[item]))
        boxes.append(map_boxes(matrix, sound.corners[own]).astype(np.float32))
        kinds.append(sound.classes[own])
        aside = sound.crowd[own] | sound.difficult[own]
        classes.append(np.where(aside, UNKNOWN, sound.classes[own]).astype(np.int64))
    return BoxMaterial(items, preprocess, tuple(boxes), tuple(classes), tuple(kinds), labels.names)


class Squares(Protocol):
    """Images of one size, at random."""

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, index: int) -> np.ndarray:
        """Returns (side, side, 3) uint8."""


@dataclass(frozen=True)
class BoxScenes:
    """Training images with their boxes, varied together.

    Attributes:
        squares: N images, larger than the network sees them.
        boxes: N arrays, (n, 4) in pixels of those.
        classes: N arrays, (n,) int64 or `UNKNOWN`.
        warp: How they are varied.
    """

    squares: Squares
    boxes: Sequence[np.ndarray]
    classes: Sequence[np.ndarray]
    warp: BoxWarp

    def __len__(self) -> int:
        return len(self.boxes)

    def draw(
        self, item: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Returns one view, (size, size, 3) uint8, and the boxes on it with their classes."""
        image, boxes, classes = warp_boxes(
            self.squares[item], self.boxes[item], self.classes[item], self.warp, rng
        )
        return image, (boxes, classes)

    def collate(self, wanted: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, torch.Tensor]:
        """Returns (n, M, 4) ``boxes`` and (n, M) ``classes``, `NO_BOX` where there is none."""
        boxes, classes = pad_boxes(list(wanted))
        return {"boxes": torch.from_numpy(boxes), "classes": torch.from_numpy(classes)}


def box_scenes(
    prepared: Prepared, material: BoxMaterial, warp: BoxWarp, room: float, compute: Compute
) -> BoxScenes:
    """Returns training images larger than the network sees them, so that enlarging shows more.

    Args:
        prepared: The usable items.
        material: Boxes of the N training items.
        warp: How they are varied.
        room: Side of the squares, in sides of the input; less where there are many images.
        compute: Who hears of progress.
    """
    small = material.preprocess
    most = (_HELD_BYTES / (3 * max(1, len(material)))) ** 0.5
    side = int(max(small.size, min(round(small.size * room), most)))
    large = replace(small, size=side)
    squares = _LargeImages(prepared, material.items, large, compute)
    return BoxScenes(squares, read_boxes(prepared, material.items, large).boxes,
                     material.classes, warp)  # fmt: skip


class _LargeImages:
    """Images that are read when the first is asked for: a first answer may do without."""

    def __init__(
        self, prepared: Prepared, items: np.ndarray, large: Preprocess, compute: Compute
    ) -> None:
        self._asked, self._items, self._compute = (prepared, large), items, compute
        self._lock = threading.Lock()  # several threads draw views

    @cached_property
    def _images(self) -> InputImages:
        (prepared, large), compute = self._asked, self._compute
        compute.begin("reading the training images larger")
        return InputImages(
            prepared.dataset.take(self._items), large, workers=compute.workers,
            progress=compute.progress,
        )  # fmt: skip

    @property
    def keys(self) -> np.ndarray:
        """(N, 16) uint8 content fingerprints of the files."""
        with self._lock:
            return self._images.keys

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> np.ndarray:
        with self._lock:
            images = self._images
        return images[index]
