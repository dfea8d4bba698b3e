"""`SegmentationMaps`: a class for every pixel of some images.

What is kept is what the network gave, on its coarse grid. Pixels are made of it one image at a
time, when they are asked for, at the size of the image itself: a thousand photos of 24 million
pixels each take no more memory than their coarse maps and one strip of one photo.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from headstart.data.masks.masks import IGNORED
from headstart.lists import some_of
from headstart.shares import place
from headstart.stacking import take_rows
from headstart.tasks.segmentation.notebook import maps_html
from headstart.tasks.segmentation.regions import count_regions, encode_runs
from headstart.tasks.segmentation.upsample import best_of, strips_of, work_of

__all__ = ["SegmentationMaps"]

_AGREED = 0.999
_SAID = 3
_CHUNK = 1_000_000  # pixels


@dataclass(frozen=True)
class SegmentationMaps:
    """A probability of each class for every pixel.

    Attributes:
        names: N names of the items (relative paths).
        classes: C class names.
        palette: (C, 3) uint8 RGB that each class is drawn with.
        probabilities: (N, C, h, w) float, on the network's grid. NaN rows are unreadable inputs.
        sizes: (N, 2) int width and height of the images in pixels.
        matrices: (N, 2, 3) from pixels of the image to pixels of the network's input.
        stride: Pixels of the input that one cell of the grid covers.
        errors: item name -> reason, for inputs that could not be read.
        boxes: (N, 4) left, top, width, height in pixels, where items are parts of images.
        threshold: Probability below which a pixel is "not sure".
        counted: What `agreement` counts.
    """

    counted: ClassVar[str] = "pixels"
    rows: ClassVar[tuple[str, ...]] = ("probabilities", "sizes", "matrices", "boxes")

    names: tuple[str, ...]
    classes: tuple[str, ...]
    palette: np.ndarray
    probabilities: np.ndarray
    sizes: np.ndarray
    matrices: np.ndarray
    stride: float = 1.0
    errors: dict[str, str] = field(default_factory=dict)
    boxes: np.ndarray | None = None
    threshold: float = 0.0

    def __post_init__(self) -> None:
        n, c = len(self.names), len(self.classes)
        found = self.probabilities.shape
        shapes = {
            "probabilities": (n, c, *found[2:]) if len(found) == 4 else (n, c, 1, 1),
            "sizes": (n, 2),
            "matrices": (n, 2, 3),
            "palette": (c, 3),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must be {shape}, got {getattr(self, name).shape}")

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"SegmentationMaps({len(self):,} images; classes {some_of(self.classes)})"

    def _repr_html_(self) -> str:
        return maps_html(self)

    def take(self, indices: np.ndarray) -> SegmentationMaps:
        """Returns the predictions of some items, by (M,) int indices or (N,) bool mask."""
        return take_rows(self, indices)

    @property
    def answered(self) -> np.ndarray:
        """(N,) bool: which items could be read."""
        return ~np.isnan(self.probabilities).any(axis=(1, 2, 3))

    def _read(self, index: int) -> bool:
        return not np.isnan(self.probabilities[index]).any()

    def probability(self, index: int) -> np.ndarray:
        """Returns (C, H, W) float32 of one image, at its own size; large for a large image."""
        width, height = (int(each) for each in self.sizes[index])
        found = np.empty((len(self.classes), height, width), np.float32)
        for top, strip in strips_of(*self._grid(index)):
            found[:, top : top + strip.shape[1]] = strip
        return found

    def labels(self, index: int, *, abstain: bool = False) -> np.ndarray:
        """Returns (H, W) uint8 most probable classes of one image, at its own size.

        Args:
            index: Of the item.
            abstain: Leave pixels whose probability is below `threshold` at 255.
        """
        return self._answer(index, abstain=abstain, confidences=None)

    def answer(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the (H, W) uint8 classes of one image and their (H, W) float16 probabilities.

        Args:
            index: Of the item; one that could not be read is 255 everywhere.
        """
        width, height = (int(each) for each in self.sizes[index])
        confidences = np.zeros((height, width), np.float16)
        return self._answer(index, abstain=False, confidences=confidences), confidences

    def _answer(self, index: int, *, abstain: bool, confidences: np.ndarray | None) -> np.ndarray:
        """Returns the labels of one image; fills in their probabilities where these are given."""
        width, height = (int(each) for each in self.sizes[index])
        labels = np.full((height, width), IGNORED, np.uint8)
        if not self._read(index):
            return labels
        for rows, first, best in best_of(*self._grid(index)):
            if abstain:
                first[best < self.threshold] = IGNORED
            labels[rows] = first
            if confidences is not None:
                confidences[rows] = best
        return labels

    def work(self, index: int) -> int:
        """Returns how many numbers the `labels` of one image take, at its own size."""
        return work_of(*self._grid(index))

    def _grid(self, index: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int], float]:
        """Returns what `upsample` reads of one image."""
        size = (int(self.sizes[index, 0]), int(self.sizes[index, 1]))
        return self.probabilities[index], self.matrices[index], size, self.stride

    def answers(self) -> np.ndarray:
        """Returns (N,) str: the class that covers most of each image; empty where unreadable."""
        return np.array([self._largest(i) for i in range(len(self))], str)

    def _largest(self, index: int) -> str:
        if not self._read(index):
            return ""
        return self.classes[int(self._pixels(self.labels(index)).argmax())]

    def agrees(self, other: SegmentationMaps) -> np.ndarray:
        """Returns (N,) bool: the same class at 999 of 1,000 pixels or more."""
        return np.asarray(self.agreement(other) >= _AGREED)

    def agreement(self, other: SegmentationMaps) -> np.ndarray:
        """Returns (N,) float: the share of pixels that another model gives the same class."""
        return np.array(
            [float((self.labels(i) == other.labels(i)).mean()) for i in range(len(self))]
        )

    def record(self, index: int, labels: np.ndarray | None = None) -> dict[str, Any]:
        """Returns the size of one image, and ``pixels``, ``share`` and ``regions`` of each class.

        Pixels below the threshold are no class; their share is ``unsure``.

        Args:
            index: Of the item.
            labels: Its `labels` with `abstain`, where somebody has them already.
        """
        found = place(self, index)
        if not self._read(index):
            return found | {"error": self.errors.get(self.names[index], "unreadable")}
        labels = self.labels(index, abstain=True) if labels is None else labels
        pixels = self._pixels(labels)
        regions = count_regions(labels, len(self.classes))
        total = max(labels.size, 1)
        return found | {
            "width": labels.shape[1],
            "height": labels.shape[0],
            "pixels": dict(zip(self.classes, pixels.tolist(), strict=True)),
            "share": dict(zip(self.classes, (pixels / total).tolist(), strict=True)),
            "regions": dict(zip(self.classes, regions.tolist(), strict=True)),
            "unsure": float(1 - pixels.sum() / total),
        }

    def masks(self, index: int, labels: np.ndarray | None = None) -> dict[str, dict[str, Any]]:
        """Returns class -> ``{"size": [H, W], "counts": text}``, COCO's compressed run lengths.

        Args:
            index: Of the item. Classes that are not there are left out.
            labels: Its `labels` with `abstain`, where somebody has them already.
        """
        labels = self.labels(index, abstain=True) if labels is None else labels
        return {
            name: {"size": list(labels.shape), "counts": encode_runs(labels == number)}
            for number, name in enumerate(self.classes)
            if (labels == number).any()
        }

    def as_json(self) -> dict[str, Any]:
        """Returns what JSON shows: the records and masks, and not the network's coarse numbers."""
        answers = []
        for index in range(len(self)):
            found = self._read(index)
            labels = self.labels(index, abstain=True)
            masks = {"masks": self.masks(index, labels)} if found else {}
            answers.append(self.record(index, labels) | masks)
        return {"classes": self.classes, "palette": self.palette, "answers": answers}

    def text(self, index: int) -> str:
        """Returns such as ``"background 71 %, person 29 %"``: the classes that cover most."""
        if not self._read(index):
            return self.errors.get(self.names[index], "unreadable")
        labels = self.labels(index, abstain=True)
        shares = self._pixels(labels) / max(labels.size, 1)
        order = [k for k in np.argsort(-shares, kind="stable").tolist() if shares[k] > 0]
        said = [f"{self.classes[k]} {_percent(shares[k])}" for k in order[:_SAID]]
        if len(order) > _SAID:
            said.append(f"{len(order) - _SAID} more")
        left = 1 - shares.sum()
        return ", ".join([*said, f"not sure {_percent(left)}"] if left > 1e-9 else said)

    def _pixels(self, labels: np.ndarray) -> np.ndarray:
        """(C,) int64 pixels of each class."""
        counts = np.zeros(256, np.int64)
        flat = labels.ravel()
        for start in range(0, len(flat), _CHUNK):  # counting makes eight bytes of each pixel
            counts += np.bincount(flat[start : start + _CHUNK], minlength=256)
        return counts[: len(self.classes)]

    def resized(self, index: int, size: tuple[int, int]) -> SegmentationMaps:
        """Returns the answer to one image as to the same image at another size.

        Args:
            index: Of the item.
            size: Width and height in pixels, such as those of a thumbnail.
        """
        one = self.take(np.array([index]))
        matrices = one.matrices.astype(np.float64)
        matrices[:, :, :2] *= (one.sizes / np.maximum(size, 1))[:, None, :]
        return dataclasses.replace(one, sizes=np.array([size]), matrices=matrices)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.2g}%"
