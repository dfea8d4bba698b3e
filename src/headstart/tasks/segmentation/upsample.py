"""From the coarse map of a network to every pixel of an image: the one way, in strips of rows.

Bilinear between the middles of the map's cells, and on the image only: cells that lie on padding
beside it play no part. Every pixel is computed by itself, so that the height of a strip changes no
digit, and memory does not grow with the image.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = ["strips_of"]

_MOST = 1_000_000  # numbers of a strip: 4 MB


def _cells(
    scale: float, shift: float, length: int, stride: float, cells: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns which two cells each pixel of one axis lies between, and how far along.

    Args:
        scale: From pixels of the image to pixels of the input.
        shift: Likewise.
        length: Of the image, in pixels.
        stride: Pixels of the input that one cell covers.
        cells: Of the map along this axis.
    """
    ends = np.array([shift, scale * length + shift]) / stride
    # Edges are whole numbers up to rounding; a sliver of a cell is none.
    first = int(np.clip(np.floor(ends.min() + 1e-6), 0, cells - 1))
    last = int(np.clip(np.ceil(ends.max() - 1e-6) - 1, first, cells - 1))
    place = (scale * (np.arange(length) + 0.5) + shift) / stride - 0.5
    place = np.clip(place, first, last)
    low = np.minimum(np.floor(place).astype(np.int64), max(last - 1, first))
    return low, np.minimum(low + 1, last), (place - low).astype(np.float32)


def strips_of(
    coarse: np.ndarray, matrix: np.ndarray, size: tuple[int, int], stride: float
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (first row, (C, rows, W) float32) of an image, from the top down.

    Args:
        coarse: (C, h, w) float map.
        matrix: (2, 3) from pixels of the image to pixels of the input.
        size: Width and height of the image in pixels.
        stride: Pixels of the input that one cell of the map covers.

    Raises:
        ValueError: If the image is turned or sheared on its way to the input.
    """
    if abs(matrix[0, 1]) > 1e-9 or abs(matrix[1, 0]) > 1e-9:
        raise ValueError("maps of images that were turned cannot be turned back")
    width, height = size
    classes, down, across = coarse.shape
    left, right, along = _cells(matrix[0, 0], matrix[0, 2], width, stride, across)
    above, below, beside = _cells(matrix[1, 1], matrix[1, 2], height, stride, down)
    step = max(1, _MOST // max(classes * width, 1))
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        low, high = above[rows], below[rows]
        first, last = int(min(low.min(), high.min())), int(max(low.max(), high.max()))
        band = coarse[:, first : last + 1].astype(np.float32)
        wide = np.take(band, left, axis=2)
        wide += (np.take(band, right, axis=2) - wide) * along
        strip = np.take(wide, low - first, axis=1)
        strip += (np.take(wide, high - first, axis=1) - strip) * beside[rows, None]
        yield top, strip
