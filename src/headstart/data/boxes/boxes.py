"""`Boxes`: the objects on each image, as rectangles with a class."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

__all__ = ["NO_OBJECT", "Boxes", "box_text"]

NO_OBJECT = "no object"
"""What images are counted as that were looked at, and on which nothing was found."""

_NEAR = 0.2
"""Near duplicates contradict each other if they differ by more objects of a class than this."""
_SAME = 0.5  # intersection over union of the boxes of one object, drawn twice


@dataclass(frozen=True)
class Boxes:
    """Any number of boxes on each of N items, M of them altogether.

    An item without boxes is annotated (nothing is there), or it is not: two things.

    Attributes:
        names: C class names.
        offsets: (N + 1,) int64; those of item i are `offsets[i]` to `offsets[i + 1]`.
        corners: (M, 4) float64 left, top, right, bottom in pixels of the upright image, as they
            were annotated: `usable` says which of them can be.
        classes: (M,) int64 class of each box.
        annotated: (N,) bool, whether somebody looked for objects.
        sizes: (N, 2) int64 width and height of the upright images; zeros where not known.
        crowd: (M,) bool, one box around many objects.
        difficult: (M,) bool, hard to recognise: neither demanded nor forbidden.
        truncated: (M,) bool, a part of the object lies outside of the image.
        stated: (N, 2) int64 width and height of the image by its annotation; zeros where it is
            silent.
        turned: (N,) int64, by EXIF: 0 as it is stored; 1 turned, and the boxes were turned with
            it; 2 turned, and the annotation is of the upright image by its size; 3 turned, and
            nothing says which of the two the boxes are on.
        flaws: N texts, each what had to be mended to read the annotation of an item, or "".
        ids: C numbers of the classes in the files; empty where these have none.
    """

    names: tuple[str, ...]
    offsets: np.ndarray
    corners: np.ndarray
    classes: np.ndarray
    annotated: np.ndarray
    sizes: np.ndarray = field(default_factory=lambda: np.zeros(0))
    crowd: np.ndarray = field(default_factory=lambda: np.zeros(0))
    difficult: np.ndarray = field(default_factory=lambda: np.zeros(0))
    truncated: np.ndarray = field(default_factory=lambda: np.zeros(0))
    stated: np.ndarray = field(default_factory=lambda: np.zeros(0))
    turned: np.ndarray = field(default_factory=lambda: np.zeros(0))
    flaws: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        n, m = len(self.annotated), len(self.classes)
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        object.__setattr__(self, "flaws", self.flaws or ("",) * n)
        shapes: dict[str, tuple[tuple[int, ...], type]] = {
            "sizes": ((n, 2), np.int64), "stated": ((n, 2), np.int64), "turned": ((n,), np.int64),
            "crowd": ((m,), bool), "difficult": ((m,), bool), "truncated": ((m,), bool),
        }  # fmt: skip
        for name, (shape, kind) in shapes.items():
            given = getattr(self, name)
            if not given.size:
                object.__setattr__(self, name, np.zeros(shape, kind))
            elif given.shape != shape:
                raise ValueError(f"{name} must be {shape}, got {given.shape}")
        if self.offsets.shape != (n + 1,) or self.corners.shape != (m, 4):
            raise ValueError(
                f"offsets must be ({n + 1},) and corners ({m}, 4), got {self.offsets.shape} and "
                f"{self.corners.shape}"
            )
        if self.offsets[-1] != m:
            raise ValueError(f"the last offset must be {m}, got {self.offsets[-1]}")

    def __len__(self) -> int:
        return len(self.annotated)

    def take(self, indices: np.ndarray) -> Boxes:
        """Returns the boxes of some items, by (K,) int indices or (N,) bool mask."""
        items = np.flatnonzero(indices) if indices.dtype == bool else np.asarray(indices, np.int64)
        counts = self.counts[items]
        ends = np.cumsum(counts)
        rows = np.arange(int(counts.sum())) + np.repeat(self.offsets[items] - ends + counts, counts)
        flat = ("corners", "classes", "crowd", "difficult", "truncated")
        return dataclasses.replace(
            self,
            offsets=np.concatenate([[0], ends]).astype(np.int64),
            **{name: getattr(self, name)[rows] for name in flat},
            **{n: getattr(self, n)[items] for n in ("annotated", "sizes", "stated", "turned")},
            flaws=tuple(self.flaws[i] for i in items),
        )

    def keep(self, rows: np.ndarray) -> Boxes:
        """Returns the same items with some of their boxes, by (M,) bool mask."""
        counts = np.bincount(self.items[rows], minlength=len(self))
        flat = ("corners", "classes", "crowd", "difficult", "truncated")
        return dataclasses.replace(
            self,
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            **{name: getattr(self, name)[rows] for name in flat},
        )

    def of(self, index: int) -> slice:
        """Returns which rows are the boxes of an item."""
        return slice(int(self.offsets[index]), int(self.offsets[index + 1]))

    @property
    def counts(self) -> np.ndarray:
        """(N,) int64 boxes of each item."""
        return np.diff(self.offsets)

    @cached_property
    def items(self) -> np.ndarray:
        """(M,) int64 item of each box."""
        return np.repeat(np.arange(len(self)), self.counts)

    @property
    def known(self) -> np.ndarray:
        """(N,) bool: which items were annotated."""
        return self.annotated

    @cached_property
    def usable(self) -> np.ndarray:
        """(M,) bool: boxes of finite corners with an area on the image."""
        left, top, right, bottom = self.clipped.T
        with np.errstate(invalid="ignore"):
            there = (right > left) & (bottom > top)
        return np.asarray(there & np.isfinite(self.corners).all(axis=1))

    @cached_property
    def clipped(self) -> np.ndarray:
        """(M, 4) float64 corners inside of the image, where its size is known."""
        ends = self.sizes[self.items].astype(float)
        ends[(ends <= 0).any(axis=1)] = np.inf
        wrong = (self.corners[:, 2:] <= self.corners[:, :2]).any(axis=1)
        corners = np.clip(self.corners, 0, np.tile(ends, 2))
        corners[wrong, 2:] = corners[wrong, :2]  # crossed corners stay without an area
        return corners

    @cached_property
    def sound(self) -> Boxes:
        """The usable boxes, clipped to their images: what is learnt and measured."""
        return dataclasses.replace(self, corners=self.clipped).keep(self.usable)

    @cached_property
    def tallies(self) -> np.ndarray:
        """(N, C) int64 boxes of each class on each item."""
        flat = np.bincount(
            self.items * len(self.names) + self.classes, minlength=len(self) * len(self.names)
        )
        return flat.reshape(len(self), len(self.names))

    @property
    def present(self) -> np.ndarray:
        """(N, K) bool: which of `kinds` are on which item."""
        there = self.tallies > 0
        empty = (self.annotated & (self.counts == 0))[:, None]
        return np.hstack([there, empty]) if empty.any() else there

    @property
    def strata(self) -> np.ndarray:
        """(N,) int64: the class present that the fewest items have; -1 where not known.

        Items on which nothing is are a stratum of their own, the last one.
        """
        there = self.tallies > 0
        order = np.lexsort((self.tallies.sum(axis=0), there.sum(axis=0)))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        lowest = np.where(there, rank, len(order)).min(axis=1, initial=len(order))
        strata = np.append(order, len(self.names))[lowest]
        return np.where(self.annotated, strata, -1).astype(np.int64)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The class names, and ``"no object"`` where there are such items."""
        empty = (self.annotated & (self.counts == 0)).any()
        return (*self.names, NO_OBJECT) if empty else self.names

    def conflict(self, first: int, second: int, *, near: bool = False) -> bool:
        """Whether two items have different objects; of near duplicates, by a fifth of them."""
        if not (self.annotated[first] and self.annotated[second]):
            return False
        one, other = self.tallies[first], self.tallies[second]
        if near:
            return bool((np.abs(one - other) > np.maximum(1, _NEAR * (one + other) / 2)).any())
        if (one != other).any():
            return True
        mine, theirs = self.of(first), self.of(second)
        alike = self.classes[mine][:, None] == self.classes[theirs][None, :]
        alike &= _near(self.clipped[mine], self.clipped[theirs])
        return not (alike.any(axis=1).all() and alike.any(axis=0).all())

    def text(self, index: int) -> str:
        """How many objects of each class, the most frequent first; empty where not known."""
        if not self.annotated[index]:
            return ""
        return box_text(self.names, self.classes[self.of(index)])


def _near(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(A, B) bool: which of (A, 4) and (B, 4) boxes share more than they do not."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2)
    areas = [(each[:, 2:] - each[:, :2]).prod(axis=1) for each in (first, second)]
    return np.asarray(shared >= _SAME * (areas[0][:, None] + areas[1][None, :] - shared))


def box_text(names: tuple[str, ...], classes: np.ndarray) -> str:
    """Returns such as ``"RBC 12, WBC 1"``, or ``"no object"``.

    Args:
        names: C class names.
        classes: (K,) class of each box.
    """
    counts = Counter(classes.tolist())
    order = sorted(counts, key=lambda each: (-counts[each], each))
    return ", ".join(f"{names[each]} {counts[each]}" for each in order) or NO_OBJECT
