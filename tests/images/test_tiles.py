"""Large squares answered tile by tile: as if at once where that can be, and without seams."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.images.tiles import TILE_STEP, answered_by_tiles, cut_tiles, tile_starts
from headstart.images.views import views_of

STRIDE = 4


def means(inputs):
    """What each cell of 4 px is on average, of all views turned back."""
    n, views, side = inputs.shape[:3]
    cells = side // STRIDE
    total = np.zeros((n, 3, cells, cells))
    for at, view in enumerate(views_of(views)):
        part = inputs[:, at].reshape(n, cells, STRIDE, cells, STRIDE, 3).mean((2, 4))
        total += view.back(part.transpose(0, 3, 1, 2))
    return {"probabilities": total / views}


def seen(square, views=1):
    return np.stack([view.shown(square) for view in views_of(views)])[None]


@pytest.mark.parametrize(("size", "tile"), [(320, 128), (6016, 1024), (96, 64), (160, 128)])
def test_tiles_cover_a_side_and_share_about_a_quarter(size, tile):
    starts = tile_starts(size, tile)
    assert (starts[0], starts[-1]) == (0, size - tile)
    assert all(each % TILE_STEP == 0 for each in starts)
    gaps = np.diff(starts)
    assert gaps.min() > 0
    assert gaps.max() <= tile - tile // 4 + TILE_STEP
    assert gaps.max() < tile
    assert tile_starts(tile, tile) == tile_starts(64, tile) == (0,)


@pytest.mark.parametrize("views", [1, 2, 8])
def test_what_depends_on_a_cell_alone_is_the_same_as_at_once(views):
    square = np.random.default_rng(0).integers(0, 256, (320, 320, 3), np.uint8)
    found = answered_by_tiles(means, seen(square, views), 128)["probabilities"]
    wanted = means(seen(square))["probabilities"]
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_seams_are_blended():
    square = (np.arange(96 * 96 * 3).reshape(96, 96, 3) % 251).astype(np.uint8)
    offered = iter([0.0, 1.0, 0.0, 1.0])

    def uneven(inputs):
        return {"p": np.stack([np.full((1, 16, 16), next(offered)) for _ in inputs])}

    [[plane]] = answered_by_tiles(uneven, seen(square), 64)["p"]
    assert (plane[:, 0] == 0).all()
    assert (plane[:, -1] == 1).all()
    assert np.abs(np.diff(plane, axis=1)).max() < 0.3  # of a step of 1 from tile to tile
    assert (np.diff(plane, axis=1) >= -1e-6).all()


def test_one_colour_is_answered_once_and_few_tiles_at_a_time():
    square = np.full((640, 640, 3), 127, np.uint8)
    square[:300] = np.random.default_rng(0).integers(0, 256, (300, 640, 3), np.uint8)
    counts = []

    def counted(inputs):
        counts.append(len(inputs))
        assert inputs.shape[1:] == (1, 128, 128, 3)
        return means(inputs)

    found = answered_by_tiles(counted, seen(square), 128)["probabilities"]
    np.testing.assert_allclose(found, means(seen(square))["probabilities"], atol=1e-3)
    tiles = list(cut_tiles(square, 128, 1))
    plain = sum(bool((shown == 127).all()) for *_, shown in tiles)
    assert plain > 10
    assert sum(counts) == len(tiles) - plain + 1
    assert max(counts) <= 4


def test_large_tiles_are_answered_one_by_one():
    square, counts = np.zeros((1120, 1120, 3), np.uint8), []
    square[::2] = 9

    def counted(inputs):
        counts.append(len(inputs))
        return means(inputs)

    answered_by_tiles(counted, seen(square), 1024)
    assert counts == [1, 1, 1, 1]
