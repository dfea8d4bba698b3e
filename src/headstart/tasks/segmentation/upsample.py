"""From the coarse map of a network to every pixel of an image: the one way, in strips of rows.

Bilinear between the middles of the map's cells, and on the image only: cells that lie on padding
beside it play no part. Every pixel is computed by itself, so that the height of a strip changes no
digit, and memory does not grow with the image.

Between four cells no class is above its largest of the four, and the best is nowhere below the
smallest of any class: most of many classes are out before a pixel is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

__all__ = ["best_of", "strips_of", "work_of"]

_MOST = 1_000_000  # numbers of a strip: 4 MB
_ROUNDING = 1e-6  # of probabilities that are computed between others


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


_Enlarge = Callable[[np.ndarray], np.ndarray]


def _bands(
    coarse: np.ndarray, matrix: np.ndarray, size: tuple[int, int], stride: float
) -> Iterator[tuple[slice, np.ndarray, _Enlarge]]:
    """Yields rows of an image, the (C, k, w) cells that these lie on, and what enlarges such."""
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

        def enlarged(
            band: np.ndarray, low: np.ndarray = low - first, high: np.ndarray = high - first,
            share: np.ndarray = beside[rows, None],
        ) -> np.ndarray:  # fmt: skip
            wide = np.take(band, left, axis=2)
            wide += (np.take(band, right, axis=2) - wide) * along
            strip = np.take(wide, low, axis=1)
            strip += (np.take(wide, high, axis=1) - strip) * share
            return strip

        yield rows, coarse[:, first : last + 1].astype(np.float32), enlarged


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
    for rows, band, enlarged in _bands(coarse, matrix, size, stride):
        yield rows.start, enlarged(band)


def best_of(
    coarse: np.ndarray, matrix: np.ndarray, size: tuple[int, int], stride: float
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Yields rows of an image, their (rows, W) uint8 best classes, and what `strips_of` has there.

    Args:
        coarse: (C, h, w) probabilities.
        matrix: See `strips_of`.
        size: Likewise.
        stride: Likewise.
    """
    for rows, band, enlarged in _bands(coarse, matrix, size, stride):
        classes = _contenders(band)
        strip = enlarged(band[classes])
        best, labels = strip[0].copy(), np.full(strip.shape[1:], classes[0], np.uint8)
        for number in range(1, len(strip)):  # of equal ones the first
            labels[strip[number] > best] = classes[number]
            np.maximum(best, strip[number], out=best)
        yield rows, labels, best


def work_of(coarse: np.ndarray, matrix: np.ndarray, size: tuple[int, int], stride: float) -> int:
    """Returns how many numbers `best_of` computes at the size of the image.

    Args:
        coarse: (C, h, w) probabilities.
        matrix: See `strips_of`.
        size: Likewise.
        stride: Likewise.
    """
    bands = _bands(coarse, matrix, size, stride)
    return size[0] * sum(
        (rows.stop - rows.start) * len(_contenders(band)) for rows, band, _ in bands
    )


def _contenders(band: np.ndarray) -> np.ndarray:
    """Returns the classes of (C, k, w) cells that may be the best somewhere between them."""
    high, low = band, band
    for axis in (1, 2):
        if band.shape[axis] > 1:
            one, other = (slice(None, -1), slice(1, None))
            at = (slice(None),) * axis
            high = np.maximum(high[(*at, one)], high[(*at, other)])
            low = np.minimum(low[(*at, one)], low[(*at, other)])
    return np.flatnonzero((high >= low.max(axis=0) - _ROUNDING).any(axis=(1, 2)))
