"""What the values of masks are, counted in one pass over the files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headstart.data.masks.files import value_runs
from headstart.data.masks.raw import read_values
from headstart.errors import DataError

__all__ = ["ValueCounts", "count_values", "in_threads"]


@dataclass(frozen=True)
class ValueCounts:
    """What the values of one mask are.

    Attributes:
        size: Width and height.
        values: (V,) int64 different values, ascending.
        pixels: (V,) int64 pixels of each.
        solid: (V,) int64 of these, how many have it to their right, below, and diagonally too: few
            of the values that smoothing and compression leave along edges.
        between: (V,) int64, how many stand between two others that differ: many of the values
            that smoothing leaves, few of thin lines on one ground.
        kind, form, deep, cut, palette: As of `RawMask`.
    """

    size: tuple[int, int]
    values: np.ndarray
    pixels: np.ndarray
    solid: np.ndarray
    between: np.ndarray
    kind: str
    form: str
    deep: bool
    cut: bool
    palette: dict[int, int]

    @property
    def flaw(self) -> str:
        """What is unfortunate about the file, or ``""``."""
        if self.form in ("JPEG", "MPO"):
            return "saved as JPEG"
        return "read from transparency" if self.cut else ""

    def as_colours(self) -> ValueCounts:
        """Returns the same with colours in the place of grey values and indices."""
        if self.kind == "colour":
            return self
        if self.kind == "palette":
            colours = np.array([self.palette.get(v, 0) for v in self.values.tolist()], np.int64)
        else:
            colours = np.minimum(self.values, 255) * 0x010101
        different, which = np.unique(colours, return_inverse=True)
        pixels, solid, between = np.zeros((3, len(different)), np.int64)
        np.add.at(pixels, which, self.pixels)
        np.add.at(solid, which, self.solid)
        np.add.at(between, which, self.between)
        return replace(
            self, values=different, pixels=pixels, solid=solid, between=between, kind="colour"
        )


def count_values(path: Path) -> ValueCounts:
    """Counts the values of a mask.

    Raises:
        DataError: If its file cannot be read.
    """
    raw = read_values(path)
    values = raw.values
    if values.dtype == np.uint8:
        different, which = np.arange(256), values
    else:
        different, which = value_runs(values)
        which = which.reshape(values.shape)
    across = which[:, :-1] == which[:, 1:]
    down = which[:-1] == which[1:]
    pixels = _counted(which, across, len(different))
    # Of those that have neighbours at all, the few that are not solid are quicker to count.
    loose = which[:-1, :-1][~(across[:-1] & across[1:] & down[:, :-1])]
    solid = _counted(which[:-1, :-1], across[:-1, :-1], len(different))
    solid -= np.bincount(loose, minlength=len(different))
    between = np.bincount(which[_between(which, across, down)], minlength=len(different))
    there = np.flatnonzero(pixels)
    palette = {value: raw.palette.get(value, 0) for value in there.tolist()} if raw.palette else {}
    return ValueCounts(
        (values.shape[1], values.shape[0]),
        different[there].astype(np.int64),
        pixels[there],
        solid[there],
        between[there],
        raw.kind,
        raw.form,
        raw.deep,
        raw.cut,
        palette,
    )


def _counted(which: np.ndarray, across: np.ndarray, most: int) -> np.ndarray:
    """Returns (most,) int64 pixels of each value, counted by the runs that rows are made of.

    Args:
        which: (H, W) numbers of values.
        across: (H, W - 1) bool: like the next in its row.
        most: How many values there are.
    """
    starts = np.ones(which.shape, bool)
    np.logical_not(across, out=starts[:, 1:])
    begin = np.flatnonzero(starts)
    lengths = np.diff(begin, append=which.size)
    return np.bincount(which[starts], lengths, most).astype(np.int64)


def _between(which: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Returns (H, W) bool: unlike both neighbours of a row or column, which differ as well.

    Args:
        which: (H, W) numbers of values.
        across: (H, W - 1) bool: like the next in its row.
        down: (H - 1, W) bool: like the next in its column.
    """
    found = np.zeros(which.shape, bool)
    alone = ~across[:, :-1] & ~across[:, 1:]
    found[:, 1:-1] = alone & (which[:, :-2] != which[:, 2:])
    alone = ~down[:-1] & ~down[1:]
    found[1:-1] |= alone & (which[:-2] != which[2:])
    return found


def in_threads(function: Callable, items: Sequence) -> list:
    """Returns what a function makes of each item, or the error that it raised, in their order."""

    def tried(item: object) -> object:
        try:
            return function(item)
        except DataError as error:
            return error

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), "masks") as pool:
        return list(pool.map(tried, items))
