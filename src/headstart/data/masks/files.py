"""Masks in files: how the values of their pixels become classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from headstart.data.masks.masks import IGNORED, scale_nearest
from headstart.data.masks.raw import channels, read_values

__all__ = ["LayeredMask", "MaskFile", "ValueTable", "looked_up", "value_runs"]

_FEW_STEPS = 8


@dataclass(frozen=True)
class ValueTable:
    """Which value is which class, the same for all masks of a data set.

    Attributes:
        values: V values that are classes, ascending: grey values or indices, or colours as numbers.
        classes: Their V class indices; 255 where nobody says.
        colours: Whether the values are colours.
        others: The class of every other value; None for that of the nearest value.
    """

    values: tuple[int, ...]
    classes: tuple[int, ...]
    colours: bool = False
    others: int | None = None

    @cached_property
    def _grey(self) -> np.ndarray:
        """(65536,) uint8: the class of each grey value."""
        return self._looked_up(np.arange(1 << 16))

    def _looked_up(self, values: np.ndarray) -> np.ndarray:
        known = np.array(self.values, np.int64)
        if self.colours:
            apart = channels(values)[:, None, :] - channels(known)[None, :, :]
            nearest = (apart * apart).sum(axis=2).argmin(axis=1)
        else:
            right = np.searchsorted(known, values).clip(1, max(1, len(known) - 1))
            right = np.minimum(right, len(known) - 1)
            left = np.maximum(right - 1, 0)
            nearest = np.where(values - known[left] < known[right] - values, left, right)
        found = np.array(self.classes, np.uint8)[nearest]
        if self.others is not None:
            found = np.where(known[nearest] == values, found, np.uint8(self.others))
        return found

    def classes_of(self, values: np.ndarray) -> np.ndarray:
        """Returns uint8 class indices of values, in their shape."""
        if not self.colours and values.dtype == np.uint8:
            return looked_up(values, self._grey[:256])
        if not self.colours and int(values.max(initial=0)) < 1 << 16:
            return self._grey[values]
        different, where = value_runs(values)
        return self._looked_up(different)[where].reshape(values.shape)


@dataclass(frozen=True)
class MaskFile:
    """A mask in an image file: grey values, palette indices or colours.

    Attributes:
        path: The file.
        table: What its values mean.
    """

    path: Path
    table: ValueTable

    def read(self) -> np.ndarray:
        """Returns (H, W) uint8 class indices, 255 where nobody says.

        Raises:
            DataError: If the file is gone or damaged by now.
        """
        return self.table.classes_of(read_values(self.path).as_told(self.table.colours))


@dataclass(frozen=True)
class LayeredMask:
    """A mask in several files, each of which shows where one class is; later ones lie on top.

    Attributes:
        layers: L masks that are 0 where it is not, with the index of the class.
    """

    layers: tuple[tuple[MaskFile, int], ...]

    def read(self) -> np.ndarray:
        """Returns (H, W) uint8 class indices, 255 where nobody says.

        Raises:
            DataError: If a file is gone or damaged by now.
        """
        mask: np.ndarray | None = None
        for source, index in self.layers:
            layer = source.read()
            mask = np.zeros_like(layer) if mask is None else mask
            layer = scale_nearest(layer, (mask.shape[1], mask.shape[0]))
            mask[(layer == IGNORED) & (mask == 0)] = IGNORED
            mask[(layer != 0) & (layer != IGNORED)] = index
        assert mask is not None, "a mask has layers"
        return mask


def looked_up(values: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Returns what a table says of each value.

    Masks have few classes, so that their tables have few steps: these are added up, modulo 256, in
    a tenth of the time that looking up each pixel takes.

    Args:
        values: (...) uint8.
        table: (256,) uint8.
    """
    apart = np.diff(table)  # of uint8, modulo 256
    steps = np.flatnonzero(apart)
    if len(steps) > _FEW_STEPS:
        return np.take(table, values)
    found = np.full(values.shape, table[0])
    for step in steps.tolist():
        found += (values > step).view(np.uint8) * apart[step]
    return found


def value_runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns (V,) different values, ascending, and which of them each of P pixels has.

    Masks are runs of one value, so that few of them need to be sorted.
    """
    flat = values.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=flat[:1] - 1 if len(flat) else 0))
    different, which = np.unique(flat[starts], return_inverse=True)
    return different, np.repeat(which, np.diff(starts, append=len(flat)))
