"""`Detections`: the objects that were found on some images, in pixels of the images themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from headstart.data.boxes.boxes import box_text
from headstart.lists import some_of
from headstart.metrics.overlap import overlaps
from headstart.shares import place
from headstart.tasks.detection.notebook import boxes_html

__all__ = ["Detections"]

_SAME, _NEAR, _HALF = 0.99, 1e-3, 0.5
_CORNERS = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class Detections:
    """Any number of boxes on each of N items, M altogether.

    All that the network gave is kept, for measuring; what is answered are the boxes with at least
    `threshold`.

    Attributes:
        names: N names of the items (relative paths).
        classes: C class names.
        offsets: (N + 1,) int64; those of item i are `offsets[i]` to `offsets[i + 1]`.
        corners: (M, 4) float left, top, right, bottom in pixels of the upright image.
        scores: (M,) float, 0 to 1.
        labels: (M,) int64 class of each box.
        sizes: (N, 2) int width and height of the images in pixels; zeros where not known.
        errors: item name -> reason, for inputs that could not be read.
        boxes: (N, 4) left, top, width, height in pixels, where items are parts of images.
        threshold: Score from which on a box is an answer.
        counted: What `agreement` counts.
    """

    counted: ClassVar[str] = "objects"

    names: tuple[str, ...]
    classes: tuple[str, ...]
    offsets: np.ndarray
    corners: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    sizes: np.ndarray
    errors: dict[str, str] = field(default_factory=dict)
    boxes: np.ndarray | None = None
    threshold: float = 0.0

    def __post_init__(self) -> None:
        n, m = len(self.names), len(self.scores)
        shapes = {"offsets": (n + 1,), "corners": (m, 4), "labels": (m,), "sizes": (n, 2)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must be {shape}, got {getattr(self, name).shape}")
        if self.offsets[-1] != m:
            raise ValueError(f"the last offset must be {m}, got {self.offsets[-1]}")

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        count = int((self.scores >= self.threshold).sum())
        return (
            f"Detections({len(self):,} images, {count:,} objects; classes {some_of(self.classes)})"
        )

    def _repr_html_(self) -> str:
        return boxes_html(self)

    def take(self, indices: np.ndarray) -> Detections:
        """Returns the objects of some items, by (K,) int indices or (N,) bool mask."""
        items = np.flatnonzero(indices) if indices.dtype == bool else np.asarray(indices, np.int64)
        counts = np.diff(self.offsets)[items]
        ends = np.cumsum(counts)
        rows = np.arange(int(counts.sum())) + np.repeat(self.offsets[items] - ends + counts, counts)
        names = tuple(self.names[i] for i in items)
        kept = set(names)
        return dataclasses.replace(
            self,
            names=names,
            offsets=np.concatenate([[0], ends]).astype(np.int64),
            corners=self.corners[rows],
            scores=self.scores[rows],
            labels=self.labels[rows],
            sizes=self.sizes[items],
            errors={name: why for name, why in self.errors.items() if name in kept},
            boxes=None if self.boxes is None else self.boxes[items],
        )

    @classmethod
    def joined(cls, parts: Sequence[Detections]) -> Detections:
        """Returns the items of several, one after the other; all else is the first one's."""
        first = parts[0]
        counts = np.concatenate([np.diff(part.offsets) for part in parts])
        flat = ("corners", "scores", "labels", "sizes")
        boxes = [part.boxes for part in parts if part.boxes is not None]
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in flat
        }
        return dataclasses.replace(
            first,
            names=tuple(name for part in parts for name in part.names),
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            errors={name: why for part in parts for name, why in part.errors.items()},
            boxes=np.concatenate(boxes) if len(boxes) == len(parts) else None,
            **arrays,
        )

    @property
    def answered(self) -> np.ndarray:
        """(N,) bool: which items could be read; on those, nothing may have been found."""
        return np.array([name not in self.errors for name in self.names], bool)

    def rows(self, index: int, threshold: float | None = None) -> np.ndarray:
        """Returns (K,) int rows of the objects of one item, the most certain first.

        Args:
            index: Of the item.
            threshold: Least score; by default that of the record.
        """
        least = self.threshold if threshold is None else threshold
        own = np.arange(self.offsets[index], self.offsets[index + 1])
        own = own[self.scores[own] >= least]
        return own[np.argsort(-self.scores[own], kind="stable")]

    def answers(self) -> np.ndarray:
        """Returns (N,) str: how many of each class; empty where unreadable."""
        return np.array(
            [self.text(i) if name not in self.errors else "" for i, name in enumerate(self.names)],
            str,
        )

    def agrees(self, other: Detections) -> np.ndarray:
        """Returns (N,) bool: the same objects, but for a hundredth of a box and 0.001 of a score.

        An object whose score is as near to the threshold as that may be missing.
        """
        ways = ((self, other), (other, self))
        found = [all(one._holds(second, i) for one, second in ways) for i in range(len(self))]
        return np.array(found, bool) & (self.answered == other.answered)

    def agreement(self, other: Detections) -> np.ndarray:
        """Returns (N,) float: the share of the objects of both that both find.

        An object is the same if its class is and half of both boxes is shared; where neither
        finds anything they agree.
        """
        found = np.ones(len(self))
        for item in range(len(self)):
            mine, theirs = self.rows(item), other.rows(item)
            same = overlaps(self.corners[mine], other.corners[theirs]) >= _HALF
            same &= self.labels[mine][:, None] == other.labels[theirs][None, :]
            if same.shape != (0, 0):
                both = same.any(axis=1).sum() + same.any(axis=0).sum()
                found[item] = both / (len(mine) + len(theirs))
        return found

    def _holds(self, other: Detections, index: int) -> bool:
        """Whether all that another answers to an item is found here too."""
        theirs = other.rows(index, other.threshold + _NEAR)
        mine = self.rows(index, self.threshold - _NEAR)
        same = overlaps(other.corners[theirs], self.corners[mine]) >= _SAME
        same &= other.labels[theirs][:, None] == self.labels[mine][None, :]
        same &= np.abs(other.scores[theirs][:, None] - self.scores[mine][None, :]) <= _NEAR
        return bool(same.any(axis=1).all())

    def record(self, index: int) -> dict[str, Any]:
        """Returns the size of one image, its ``objects`` and how many there are of each class."""
        found = place(self, index)
        if self.names[index] in self.errors:
            return found | {"error": self.errors[self.names[index]]}
        rows = self.rows(index)
        wide, high = self.sizes[index].tolist()
        counts = np.bincount(self.labels[rows], minlength=len(self.classes))
        return found | {
            "width": wide,
            "height": high,
            "count": dict(zip(self.classes, counts.tolist(), strict=True)),
            "objects": [
                {
                    "class": self.classes[self.labels[row]],
                    "score": float(self.scores[row]),
                    "box": [round(float(each), 1) for each in self.corners[row]],
                }
                for row in rows.tolist()
            ],
        }

    def table(self, index: int) -> list[dict[str, Any]]:
        """Returns a row an object of one image, for tables; without any, one row that is empty."""
        name = {"name": self.names[index]}
        record = self.record(index)
        if "error" in record:
            return [name | dict.fromkeys(("class", "score", *_CORNERS), "") | record]
        return [
            name | {"class": each["class"], "score": each["score"]}
            | dict(zip(_CORNERS, each["box"], strict=True))
            for each in record["objects"]
        ] or [name | dict.fromkeys(("class", "score", *_CORNERS), "")]  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Returns what JSON shows: the records, and not what is below the threshold."""
        answers = [self.record(index) for index in range(len(self))]
        return {"classes": self.classes, "threshold": self.threshold, "answers": answers}

    def text(self, index: int) -> str:
        """Returns such as ``"RBC 12, WBC 1"``, or ``"no object"``."""
        if self.names[index] in self.errors:
            return self.errors[self.names[index]]
        return box_text(self.classes, self.labels[self.rows(index)])
