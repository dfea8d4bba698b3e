"""`Bins`: binned regression, a number predicted by classifying the range that it falls into.

To predict a number (an age, a weight, a degree of wear) the network gives each of C neighbouring
ranges a probability, and the number is the median of that distribution. Everything that works for
classes then works for numbers too, and every number comes with the range that it lies in. On
ages of faces this is a year better than ridge regression on the same features
(docs/benchmarks.md). After Rothe, Timofte and Van Gool, "DEX: deep expectation of apparent age
from a single image" (ICCV workshops 2015), with the median in place of their mean, because the
measure is the mean absolute error, and with ranges of equal share in place of equal width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from headstart.data.labels import range_edges

__all__ = ["LEVEL", "Bins", "make_bins"]

LEVEL = 0.9
"""Share of true numbers that should lie inside the range predicted with each number."""


_RECURS = 5  # so often at least a number is there before it stands for a range


@dataclass(frozen=True)
class Bins:
    """C neighbouring ranges.

    Attributes:
        edges: C + 1 numbers, ascending; a number that is an inner edge belongs to the range above.
        points: For each range the one number that it stands for, or None; none at all by default.
            Where a number recurs and fills a range (zeros among counts, marks) it is the answer,
            not what lies around it: spread evenly, a lowest number would never be in its own
            prediction interval.
    """

    edges: tuple[float, ...]
    points: tuple[float | None, ...] = ()

    def __post_init__(self) -> None:
        if len(self.edges) < 3 or not all(low < high for low, high in pairwise(self.edges)):
            raise ValueError(f"bins need three or more ascending edges, got {self.edges}")
        if self.points and len(self.points) != len(self.edges) - 1:
            raise ValueError(f"{len(self.edges) - 1} ranges cannot have {len(self.points)} points")

    @property
    def names(self) -> tuple[str, ...]:
        """C class names, such as ``"22 to 26"``."""
        inner, ends = self.edges[1:-1], (self.edges[0], self.edges[-1])
        if all(x % 1 == 0.5 for x in inner) and all(x % 1 == 0 for x in ends):  # of whole numbers
            whole = [(math.ceil(low), math.floor(high)) for low, high in pairwise(self.edges)]
            return tuple(f"{low} to {high}" if low < high else f"{low}" for low, high in whole)
        for digits in range(3, 18):
            texts = [f"{x:.{digits}g}" for x in self.edges]
            if len(set(texts)) == len(texts):
                break
        return tuple(f"{low} to {high}" for low, high in pairwise(texts))

    def classes(self, numbers: np.ndarray) -> np.ndarray:
        """Returns (N,) int64 ranges of numbers; -1 for NaN, the outermost for what lies beyond."""
        places = np.searchsorted(self.edges[1:-1], numbers, side="right")
        return np.where(np.isnan(numbers), -1, places).astype(np.int64)

    def quantiles(self, probabilities: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
        """Returns (N, Q) quantiles of the distributions over the ranges.

        Each is even within its range, or all at its one number.

        Args:
            probabilities: (N, C); rows with NaN give NaN.
            shares: Q numbers between 0 and 1.
        """
        edges = np.asarray(self.edges)
        sums = np.cumsum(probabilities, axis=1, dtype=np.float64)
        sums = np.concatenate([np.zeros((len(sums), 1)), sums / sums[:, -1:]], axis=1)
        found = np.empty((len(sums), len(shares)))
        for column, share in enumerate(shares):
            place = np.clip((sums < share).sum(axis=1) - 1, 0, len(edges) - 2)[:, None]
            below = np.take_along_axis(sums, place, axis=1)[:, 0]
            mass = np.maximum(np.take_along_axis(sums, place + 1, axis=1)[:, 0] - below, 1e-12)
            low, high = edges[place[:, 0]], edges[place[:, 0] + 1]
            found[:, column] = low + np.clip((share - below) / mass, 0, 1) * (high - low)
            if self.points:
                whole = np.array(self.points, float)[place[:, 0]]
                found[:, column] = np.where(np.isnan(whole), found[:, column], whole)
        found[np.isnan(sums).any(axis=1)] = np.nan
        return found

    def numbers(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns (N, 3): the number and the ends of its 90 % prediction interval.

        Args:
            probabilities: (N, C) calibrated.
        """
        return self.quantiles(probabilities, (0.5, (1 - LEVEL) / 2, (1 + LEVEL) / 2))


def make_bins(numbers: np.ndarray) -> Bins:
    """Returns ranges that hold about equally many of some numbers (`data.labels.range_edges`).

    Args:
        numbers: (N,) float, two or more different ones.
    """
    edges = range_edges(numbers)
    bins = Bins(edges)
    known = numbers[~np.isnan(numbers)]
    owned = [known[bins.classes(known) == place] for place in range(len(edges) - 1)]
    points = tuple(
        float(each[0]) if len(each) >= _RECURS and np.ptp(each) == 0 else None for each in owned
    )
    return Bins(edges, points if any(each is not None for each in points) else ())
