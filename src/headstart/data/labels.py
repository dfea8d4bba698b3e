"""`Labels`: what somebody annotated, whatever kind of answer it is about.

Records side by side, without a base class. Each has the same five names, and nothing above the
readers asks which of them it holds: `take`, `known`, `strata`, `conflict` and `text`. "Looked at,
and nothing is there" and "not annotated" are different: only the latter is not `known`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Protocol

import numpy as np

from headstart.data.words import normal

__all__ = [
    "Classes",
    "Labels",
    "Numbers",
    "class_labels",
    "counts_of",
    "present_of",
    "quantity_of",
    "range_edges",
]

_FILLS = 3  # cuts on one number: it surely holds twice the share of a range
_FEWEST, _MOST = 4, 12


class Labels(Protocol):
    """What every kind of labels offers."""

    def __len__(self) -> int:
        """N."""

    def take(self, indices: np.ndarray) -> Labels:
        """Returns the labels of some items, by (M,) int indices or (N,) bool mask."""

    @property
    def known(self) -> np.ndarray:
        """(N,) bool: which items were annotated."""

    @property
    def strata(self) -> np.ndarray:
        """(N,) int64: what a split should hold in equal shares; -1 where not known."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of what is counted in a table of the data, in the order of `strata`."""

    def conflict(self, first: int, second: int, *, near: bool = False) -> bool:
        """Whether two items that are the same image, or nearly so, contradict each other."""

    def text(self, index: int) -> str:
        """The label of one item for people and for tables; empty where not known."""


@dataclass(frozen=True)
class Classes:
    """One class for each item.

    Attributes:
        names: C class names, sorted.
        targets: (N,) int64 class indices; -1 where unknown.
    """

    names: tuple[str, ...]
    targets: np.ndarray

    def __post_init__(self) -> None:
        # Names out of arrays are numpy's own texts, which call themselves np.str_('ants').
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, indices: np.ndarray) -> Classes:
        """Returns the labels of some items, by (M,) int indices or (N,) bool mask."""
        return dataclasses.replace(self, targets=self.targets[indices])

    @property
    def known(self) -> np.ndarray:
        """(N,) bool: which items have a class."""
        return np.asarray(self.targets >= 0)

    @property
    def strata(self) -> np.ndarray:
        """(N,) int64: the classes themselves."""
        return self.targets

    @property
    def kinds(self) -> tuple[str, ...]:
        """The class names."""
        return self.names

    @property
    def counts(self) -> np.ndarray:
        """(C,) int: labelled items per class."""
        return np.bincount(self.targets[self.known], minlength=len(self.names))

    def conflict(self, first: int, second: int, *, near: bool = False) -> bool:
        """Whether two items have different classes."""
        one, other = self.targets[first], self.targets[second]
        return bool(one >= 0 and other >= 0 and one != other)

    def text(self, index: int) -> str:
        """The name of the class."""
        return self.names[self.targets[index]] if self.targets[index] >= 0 else ""


@dataclass(frozen=True)
class Numbers:
    """One number for each item: an age, a weight, a degree of wear.

    Attributes:
        name: Of the quantity, such as ``"age"``.
        values: (N,) float64; NaN where unknown.
    """

    name: str
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def take(self, indices: np.ndarray) -> Numbers:
        """Returns the labels of some items, by (M,) int indices or (N,) bool mask."""
        return dataclasses.replace(self, values=self.values[indices])

    @property
    def known(self) -> np.ndarray:
        """(N,) bool: which items have a number."""
        return ~np.isnan(self.values)

    @property
    def strata(self) -> np.ndarray:
        """(N,) int64: neighbouring numbers share a stratum; used for drawing splits only."""
        places = np.searchsorted(self._edges[1:-1], self.values, side="right")
        return np.where(self.known, places, -1).astype(np.int64)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The ranges of the strata."""
        return tuple(f"{low:.4g} to {high:.4g}" for low, high in pairwise(self._edges))

    @cached_property
    def _edges(self) -> tuple[float, ...]:
        known = self.values[self.known]
        return range_edges(known) if len(np.unique(known)) > 1 else (-np.inf, np.inf)

    def conflict(self, first: int, second: int, *, near: bool = False) -> bool:
        """Whether two items have different numbers; of near duplicates, two ranges apart."""
        one, other = self.values[first], self.values[second]
        if np.isnan(one) or np.isnan(other):
            return False
        if near:  # a little older or heavier is no conflict
            return bool(abs(self.strata[first] - self.strata[second]) > 1)
        return bool(one != other)

    def text(self, index: int) -> str:
        """The number."""
        return f"{self.values[index]:.10g}" if self.known[index] else ""


def range_edges(numbers: np.ndarray) -> tuple[float, ...]:
    """Returns the C + 1 edges of ranges that hold about equally many of some numbers.

    About one range for every three units of the root of their number, at least 4 and at most 12:
    fewer are coarse, and more have too few examples each. Equal numbers stay together.

    Args:
        numbers: (N,) float, two or more different ones; NaN is passed over.
    """
    ordered = np.sort(numbers[~np.isnan(numbers)])
    count = int(np.clip(round(np.sqrt(len(ordered)) / 3), _FEWEST, _MOST))
    cuts = ordered[(np.arange(1, count) * len(ordered)) // count]
    different = np.unique(ordered)
    middles = (different[:-1] + different[1:]) / 2  # of neighbours: no number lies on an edge
    edges = set()
    for cut, times in zip(*np.unique(cuts, return_counts=True), strict=True):
        place = int(np.searchsorted(different, cut))
        if place:
            edges.add(float(middles[place - 1]))
        # What fills ranges alone (many zeros among counts) shares none with what is above.
        if place < len(middles) and (not place or times >= _FILLS):
            edges.add(float(middles[place]))
    return (float(different[0]), *sorted(edges), float(different[-1]))


def class_labels(labels: list[str]) -> Classes:
    """Returns N texts as classes, in one normal form; an empty one is unknown."""
    labels = [normal(label) for label in labels]
    classes = tuple(sorted(set(labels) - {""}))
    index = {name: number for number, name in enumerate(classes)} | {"": -1}
    targets = np.fromiter((index[label] for label in labels), np.int64, len(labels))
    return Classes(classes, targets)


def quantity_of(labels: Labels) -> str:
    """Returns what is annotated: the name of the quantity of numbers, ``"class"`` else."""
    return labels.name if isinstance(labels, Numbers) else "class"


def present_of(labels: Labels) -> np.ndarray | None:
    """Returns (N, K) bool: which of `kinds` are on which item; None where an item has one.

    Args:
        labels: Of N items; masks and boxes have several kinds an item.
    """
    return getattr(labels, "present", None)


def counts_of(labels: Labels, kept: np.ndarray | None = None) -> dict[str, int]:
    """Returns kind of label -> how many items have it; an item may have several (`present`).

    Args:
        labels: Of N items.
        kept: (N,) bool items to count; by default all.
    """
    kinds, mask = labels.kinds, labels.known if kept is None else labels.known & kept
    present = present_of(labels)
    if present is not None:
        counts = present[mask].sum(axis=0)
    else:
        counts = np.bincount(labels.strata[mask], minlength=len(kinds))
    return dict(zip(kinds, counts.tolist(), strict=True))
