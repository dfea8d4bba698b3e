from __future__ import annotations

import numpy as np
import pytest

from headstart.images.views import View, every_view, side_by_side, views_of


def test_views():
    assert views_of(1) == (View(),)
    assert views_of(2) == (View(), View(flip=True))
    assert [view.position for view in views_of(3)] == [0.0, 0.5, 1.0]
    assert len(set(views_of(6))) == 6
    with pytest.raises(ValueError, match="1, 2, 3, 6 or 8"):
        views_of(4)


def test_eight_turns_are_all_and_each_is_turned_back():
    square = np.random.default_rng(0).integers(0, 256, (5, 5, 3))
    views = views_of(8)
    assert views[:2] == views_of(2)
    assert len({view.shown(square).tobytes() for view in views}) == 8
    for view in views:
        maps = np.moveaxis(view.shown(square), 2, 0)
        assert (np.moveaxis(view.back(maps), 0, 2) == square).all()


def test_one_square_is_in_memory_once_however_many_views_there_are():
    square = np.arange(75, dtype=np.uint8).reshape(5, 5, 3)
    seen = every_view(square, 8)
    assert seen.shape == (8, 5, 5, 3)
    alone = side_by_side([seen])
    assert alone.shape == (1, 8, 5, 5, 3)
    assert np.shares_memory(alone, square)
    assert side_by_side([seen, seen]).shape == (2, 8, 5, 5, 3)
