"""Masks that are drawn: polygons and run lengths, painted when they are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.data.annotations.rle import decode_runs

__all__ = ["Shape", "ShapeMask", "fill_polygon"]


@dataclass(frozen=True)
class Shape:
    """An area of one class.

    Attributes:
        index: Of its class; 255 where nobody says.
        rings: Closed polygons, each x, y, x, y, … in pixels; together they are the area.
        runs: Run lengths instead, down the columns from the top left.
        box: Left, top, width and height of the part of the image that `runs` are of; None for all.
    """

    index: int
    rings: tuple[tuple[float, ...], ...] = ()
    runs: tuple[int, ...] | None = None
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class ShapeMask:
    """A mask of shapes on background, later ones over earlier ones.

    Attributes:
        size: Width and height of the image.
        shapes: In the order in which they are painted.
    """

    size: tuple[int, int]
    shapes: tuple[Shape, ...]

    def read(self) -> np.ndarray:
        """Returns (H, W) uint8 class indices; 0 where no shape is."""
        width, height = self.size
        mask = np.zeros((height, width), np.uint8)
        for shape in self.shapes:
            for ring in shape.rings:
                fill_polygon(mask, np.array(ring, float).reshape(-1, 2), shape.index)
            if shape.runs is not None:
                left, top, wide, high = shape.box or (0, 0, width, height)
                area = decode_runs(shape.runs, (wide, high))
                x, y = max(0, left), max(0, top)
                area = area[y - top :, x - left :][: height - y, : width - x]
                part = mask[y : y + area.shape[0], x : x + area.shape[1]]
                part[area] = shape.index
        return mask


def fill_polygon(mask: np.ndarray, points: np.ndarray, value: int) -> None:
    """Paints the pixels whose centres lie in a polygon (even-odd rule).

    Args:
        mask: (H, W), painted in place.
        points: (P, 2) x and y of its corners; the centre of the first pixel is at 0.5, 0.5.
        value: What is painted.
    """
    height, width = mask.shape
    if len(points) < 3:
        return
    low = np.clip(np.floor(points.min(axis=0)), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)), 0, (width, height)).astype(int)
    wide, tall = high - low
    if wide <= 0 or tall <= 0:
        return
    start = points - low
    end = np.roll(start, -1, axis=0)
    # Each edge crosses the middles of some rows; right of a crossing, inside and outside change.
    first = np.clip(np.ceil(np.minimum(start[:, 1], end[:, 1]) - 0.5), 0, tall).astype(int)
    last = np.clip(np.ceil(np.maximum(start[:, 1], end[:, 1]) - 0.5), 0, tall).astype(int)
    crossed = last - first
    edges = np.repeat(np.arange(len(start)), crossed)
    rows = np.arange(len(edges)) - np.repeat(np.cumsum(crossed) - crossed, crossed) + first[edges]
    one, other = start[edges], end[edges]
    slope = (other[:, 0] - one[:, 0]) / (other[:, 1] - one[:, 1])
    across = one[:, 0] + slope * (rows + 0.5 - one[:, 1])
    columns = np.clip(np.ceil(across - 0.5), 0, wide).astype(int)
    changes = np.zeros((tall, wide + 1), np.int32)
    np.add.at(changes, (rows, columns), 1)
    inside = np.cumsum(changes[:, :-1], axis=1) % 2 == 1
    mask[low[1] : high[1], low[0] : high[0]][inside] = value
