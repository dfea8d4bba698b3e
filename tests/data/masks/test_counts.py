"""One pass over the masks: which values they hold, and which fill areas."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.drawn_sets import paletted, write

from headstart.data.masks.counts import count_values, in_threads
from headstart.errors import DataError


def test_values_are_counted_with_those_inside_areas(tmp_path):
    mask = np.zeros((4, 6), np.uint8)
    mask[:, 3:] = 9
    mask[0, 0] = 4
    write(tmp_path / "m.png", mask)
    count = count_values(tmp_path / "m.png")
    assert count.size == (6, 4)
    assert dict(zip(count.values.tolist(), count.pixels.tolist(), strict=True)) == {
        0: 11,
        4: 1,
        9: 12,
    }
    assert dict(zip(count.values.tolist(), count.solid.tolist(), strict=True)) == {0: 5, 4: 0, 9: 6}


def test_values_between_two_others_are_counted(tmp_path):
    mask = np.zeros((6, 9), np.uint8)
    mask[:, 5:] = 200
    mask[:, 4] = 100  # as smoothing leaves it
    mask[2, 1:3] = 50  # a line on one ground
    write(tmp_path / "m.png", mask)
    count = count_values(tmp_path / "m.png")
    assert dict(zip(count.values.tolist(), count.between.tolist(), strict=True)) == {
        0: 1, 50: 0, 100: 6, 200: 0,
    }  # fmt: skip


def test_colours_and_deep_values_are_counted_alike(tmp_path):
    write(tmp_path / "d.png", np.array([[0, 60000], [0, 60000]], np.uint16))
    assert count_values(tmp_path / "d.png").values.tolist() == [0, 60000]
    write(tmp_path / "c.png", np.array([[[255, 0, 0], [0, 0, 0]]], np.uint8))
    count = count_values(tmp_path / "c.png")
    assert (count.values.tolist(), count.pixels.tolist()) == ([0, 0xFF0000], [1, 1])


def test_two_indices_of_one_colour_become_one(tmp_path):
    paletted(tmp_path / "p.png", np.array([[0, 1, 2]]), [(0, 0, 0), (9, 9, 9), (9, 9, 9)])
    count = count_values(tmp_path / "p.png").as_colours()
    assert (count.values.tolist(), count.pixels.tolist()) == ([0, 0x090909], [1, 2])


def test_what_threads_raise_comes_back_in_its_place():
    def half(number):
        if number % 2:
            raise DataError(f"{number} is odd")
        return number // 2

    found = in_threads(half, [0, 1, 4])
    assert [found[0], str(found[1]), found[2]] == [0, "1 is odd", 2]
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda number: 1 // number, [0])
