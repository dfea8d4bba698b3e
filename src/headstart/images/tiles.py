"""Large squares answered tile by tile: overlapping, with blended seams, in bounded memory.

The one way for run, file, server and films: a network that sees `tile` pixels at once answers for a
square of any side, and nothing on it is shrunk away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from headstart.images.views import views_of

__all__ = ["TILE_STEP", "answered_by_tiles", "cut_tiles", "tile_starts"]

TILE_STEP = 32
"""Tiles begin at multiples of it, as cells of all stages of a network do."""
# Neighbours share a quarter of a side; at a time so many pixels are answered, and tiles at most.
_SHARED, _PIXELS, _TILES = 4, 1 << 20, 4

Run = Callable[[np.ndarray], dict[str, np.ndarray]]


def tile_starts(size: int, tile: int) -> tuple[int, ...]:
    """Returns where tiles begin along a side of a square, evenly spread.

    Args:
        size: Side of the square in pixels, a multiple of `TILE_STEP`.
        tile: Side of a tile, likewise.
    """
    if tile >= size:
        return (0,)
    count = math.ceil((size - tile) / (tile - tile // _SHARED)) + 1
    steps = (size - tile) / TILE_STEP / (count - 1)
    return tuple(TILE_STEP * round(steps * at) for at in range(count))


def cut_tiles(square: np.ndarray, tile: int, views: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yields top, left and (V, tile, tile, 3) of every tile of a square.

    Args:
        square: (size, size, 3) uint8.
        tile: Side in pixels.
        views: V, as `views_of` has them: views of a tile are tiles of the square's views.
    """
    starts = tile_starts(len(square), tile)
    for top, left in product(starts, starts):
        part = square[top : top + tile, left : left + tile]
        yield top, left, np.stack([view.shown(part) for view in views_of(views)])


def answered_by_tiles(run: Run, inputs: np.ndarray, tile: int) -> dict[str, np.ndarray]:
    """Returns name -> (N, C, h, w) of squares that are larger than what a network sees.

    Each cell is a mean of what the tiles say that it is on, of which one counts the less the nearer
    its edge is. Tiles of one colour, as beside an image that is no square, are answered once.

    Args:
        run: (n, V, tile, tile, 3) uint8 -> name -> (n, C, h, w), averaged over the views.
        inputs: (N, V, size, size, 3) uint8; of the views only the first is cut.
        tile: Side in pixels.
    """
    found = [_blended(run, each[0], tile, inputs.shape[1]) for each in inputs]
    return {name: np.stack([each[name] for each in found]) for name in found[0]}


def _blended(run: Run, square: np.ndarray, tile: int, views: int) -> dict[str, np.ndarray]:
    """Returns name -> (C, h, w) of one square."""
    size, total, weights = len(square), {}, {}
    for top, left, told in _answers(run, square, tile, views):
        for name, part in told.items():
            cells = part.shape[-1]
            if name not in total:
                side = round(size * cells / tile)
                total[name] = np.zeros((len(part), side, side), np.float32)
                weights[name] = np.zeros((side, side), np.float32)
            window = _window(cells)
            y, x = round(top * cells / tile), round(left * cells / tile)
            total[name][:, y : y + cells, x : x + cells] += part * window
            weights[name][y : y + cells, x : x + cells] += window
    return {name: np.divide(each, weights[name], out=each) for name, each in total.items()}


def _answers(
    run: Run, square: np.ndarray, tile: int, views: int
) -> Iterator[tuple[int, int, dict[str, np.ndarray]]]:
    """Yields top, left and what is said of every tile of a square."""
    known: dict[bytes, dict[str, np.ndarray]] = {}
    waiting: list[tuple[int, int, np.ndarray]] = []
    most = max(1, min(_TILES, _PIXELS // tile**2))

    def answered() -> Iterator[tuple[int, int, dict[str, np.ndarray]]]:
        told = run(np.stack([shown for *_, shown in waiting])) if waiting else {}
        for at, (top, left, _) in enumerate(waiting):
            yield top, left, {name: each[at] for name, each in told.items()}
        waiting.clear()

    for top, left, shown in cut_tiles(square, tile, views):
        colour = shown[0, 0, 0]
        if (shown[0] == colour).all():
            key = colour.tobytes()
            if key not in known:
                known[key] = {name: each[0] for name, each in run(shown[None]).items()}
            yield top, left, known[key]
            continue
        waiting.append((top, left, shown))
        if len(waiting) == most:
            yield from answered()
    yield from answered()


def _window(cells: int) -> np.ndarray:
    """Returns (cells, cells) float32: how much each cell of a tile counts."""
    place = np.arange(cells)
    near = np.minimum(place, place[::-1]) + 1
    side = np.minimum(near / max(1, cells // _SHARED), 1).astype(np.float32)
    return side[:, None] * side
