"""Some cells of maps as a linear head sees them: the channels of every stage side by side.

A linear head adds up what it says of each stage, each enlarged to the next larger one. That is
linear from the maps on, so what it sees at a cell can be computed for that cell alone. Cells beside
each other are much alike: some rows and columns of each image teach as much as all of them, if
what is rare on it is among them. Half of them are drawn evenly and half where the classes of the
image are, each class alike; a cell that is drawn stands for as many as it was drawn from.
"""

from __future__ import annotations

import collections
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from headstart.features.extract_filters import JoinedRows
from headstart.features.extract_maps import MapRows
from headstart.images.threads import ordered_map
from headstart.nets.pretrained.maps import MapLayout
from headstart.nets.stages import one_thread

__all__ = ["MapCells", "enlarging", "some_cells"]

_BATCH = 8
# Cells of all images together, the bytes they may take, and rows (and columns) of one image.
_CELLS, _BYTES, _SIDES = 80_000, 256 << 20, (4, 64)


@dataclass(frozen=True)
class MapCells:
    """Cells of N images, where R drawn rows and S drawn columns of their output cross.

    Attributes:
        values: (N, R * S, D) float16: the channels of all stages, enlarged to the output.
        rows: (N, R) int, ascending.
        columns: (N, S) int, ascending.
        counts: (N, R * S) float32: how many cells each of them stands for.
    """

    values: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    counts: np.ndarray

    def of(self, shares: np.ndarray) -> np.ndarray:
        """Returns (N, C, R, S) of (N, C, h, w) numbers at the output's cells."""
        image = np.arange(len(shares))[:, None, None]
        found = shares.transpose(0, 2, 3, 1)[image, self.rows[:, :, None], self.columns[:, None]]
        return np.ascontiguousarray(found.transpose(0, 3, 1, 2))


def enlarging(lengths: tuple[int, ...]) -> list[np.ndarray]:
    """Returns how cells of every stage make those of the largest, (lengths[0], n) float32 each.

    Args:
        lengths: Cells along one axis, from the largest stage to the smallest; each is enlarged
            bilinearly to the one before it, as `nets.masks.net` does.
    """
    found = [np.eye(lengths[0], dtype=np.float32)]
    for large, small in pairwise(lengths):
        place = np.maximum((np.arange(large) + 0.5) * small / large - 0.5, 0)
        low = np.minimum(place.astype(int), small - 1)
        step = np.zeros((large, small), np.float32)
        step[np.arange(large), low] += 1 - (place - low)
        step[np.arange(large), np.minimum(low + 1, small - 1)] += place - low
        found.append(found[-1] @ step)
    return found


def some_cells(
    layout: MapLayout, rows: np.ndarray | MapRows | JoinedRows, shares: np.ndarray, *, seed: int
) -> MapCells:
    """Draws cells of every image, spread over it and over its classes.

    Args:
        layout: Of the maps; all stages that are held are read.
        rows: (N, D) float16 maps, or what reads them.
        shares: (N, C, h, w) how much of each cell of the output is of each class.
        seed: Of the draw.
    """
    shapes, n = layout.shapes, len(rows)
    width = sum(shape[0] for shape in shapes)
    cells = min(_CELLS, _BYTES // (2 * width))
    side = int(np.clip(round((cells / max(n, 1)) ** 0.5), *_SIDES))
    rng = np.random.default_rng([seed, 11])
    high, wide = shapes[0][1:]
    (down, tall_counts), (across, wide_counts) = (
        _drawn(rng, _where(shares, axis), min(side, length))
        for axis, length in ((3, high), (2, wide))
    )
    counts = (tall_counts[:, :, None] * wide_counts[:, None]).reshape(n, -1)
    counts *= high * wide / counts.sum(axis=1, keepdims=True)
    tall = [torch.from_numpy(each) for each in enlarging(tuple(s[1] for s in shapes))]
    broad = [torch.from_numpy(each) for each in enlarging(tuple(s[2] for s in shapes))]
    values = np.empty((n, down.shape[1] * across.shape[1], width), np.float16)

    def fill(start: int) -> None:
        part = slice(start, start + _BATCH)
        maps = layout.split(torch.from_numpy(rows[part]).float())[layout.first :]
        at, rest = (torch.from_numpy(each[part]) for each in (down, across))
        image = torch.arange(len(at))[:, None, None]

        def seen(each: torch.Tensor, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            if each.shape[2:] == (high, wide):  # as large as the output: nothing to enlarge
                return each[image, :, at[:, :, None], rest[:, None]].flatten(1, 2)
            return (y[at][:, None] @ each @ x[rest][:, None].transpose(2, 3)).flatten(2).mT

        found = [seen(*each) for each in zip(maps, tall, broad, strict=True)]
        values[part] = torch.cat(found, dim=2).half().numpy()

    with one_thread():  # which the threads begin with, and keep
        collections.deque(ordered_map(fill, range(0, n, _BATCH)), maxlen=0)
    return MapCells(values, down, across, counts.astype(np.float32))


def _where(shares: np.ndarray, axis: int) -> np.ndarray:
    """Returns (N, length) where along the other axis the classes of an image are, each alike.

    Args:
        shares: (N, C, h, w).
        axis: That is summed over.
    """
    along = shares.sum(axis=axis, dtype=np.float64)
    each = along.sum(axis=2, keepdims=True)
    found = (along / np.maximum(each, 1)).sum(axis=1)
    return np.asarray(found / np.maximum((each > 0).sum(axis=1), 1))


def _drawn(
    rng: np.random.Generator, where: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (N, count) int places along an axis, and how many each stands for, likewise.

    Args:
        rng: What is drawn.
        where: (N, length) shares of each place that half of the draws go by.
        count: Places of each image.
    """
    length = where.shape[1]
    nothing = where.sum(axis=1, keepdims=True) <= 0  # an image that is ignored entirely
    density = 0.5 / length + 0.5 * np.where(nothing, 1 / length, where)
    # One in each of as many parts of equal density: spread, and in proportion.
    at = (np.arange(count) + rng.random((len(where), count))) / count
    ends = np.cumsum(density, axis=1)
    ends /= ends[:, -1:]
    places = np.stack([np.searchsorted(end, each) for end, each in zip(ends, at, strict=True)])
    places = np.minimum(places, length - 1)
    return places, 1 / np.take_along_axis(density, places, axis=1)
