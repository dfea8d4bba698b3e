"""Masks in files: values become classes."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.drawn_sets import write

from headstart.data.masks.files import LayeredMask, MaskFile, ValueTable, looked_up, value_runs
from headstart.data.masks.masks import IGNORED
from headstart.errors import DataError


def test_values_become_the_class_of_the_nearest():
    table = ValueTable((0, 128, 255), (0, 1, 2))
    values = np.array([[0, 63, 65, 128, 191, 192, 255]], np.uint8)
    assert table.classes_of(values).tolist() == [[0, 0, 1, 1, 1, 2, 2]]


def test_a_single_value_is_all_there_is():
    assert ValueTable((255,), (0,)).classes_of(np.array([[0, 255]])).tolist() == [[0, 0]]


def test_all_others_may_be_one_class():
    table = ValueTable((0,), (0,), others=1)
    assert table.classes_of(np.array([[0, 1, 500, 70000]])).tolist() == [[0, 1, 1, 1]]


def test_colours_become_the_nearest_colour():
    table = ValueTable((0, 0x0000FF, 0xFF0000), (0, 1, 2), colours=True)
    values = np.array([[0x10000, 0xF00010, 0x0000F0, 0x000070]])
    assert table.classes_of(values).tolist() == [[0, 2, 1, 0]]


def test_a_mask_file_is_read_anew_each_time(tmp_path):
    mask = MaskFile(tmp_path / "m.png", ValueTable((0, 1, 255), (0, 1, IGNORED)))
    write(tmp_path / "m.png", np.array([[0, 1, 255]], np.uint8))
    assert mask.read().tolist() == [[0, 1, 255]]
    (tmp_path / "m.png").unlink()
    with pytest.raises(DataError, match="gone"):
        mask.read()


def test_layers_lie_on_each_other(tmp_path):
    table = ValueTable((0, 255), (0, 1))
    write(tmp_path / "a.png", np.array([[255, 255, 0]], np.uint8))
    write(tmp_path / "b.png", np.array([[0, 255, 0]], np.uint8))
    files = [MaskFile(tmp_path / name, table) for name in ("a.png", "b.png")]
    assert LayeredMask(((files[0], 1), (files[1], 2))).read().tolist() == [[1, 2, 0]]


def test_tables_of_few_and_many_steps_say_the_same_as_looking_up():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (7, 9), dtype=np.uint8)
    few = np.full(256, IGNORED, np.uint8)
    few[:3], few[200] = (2, 0, 1), 5
    for table in (few, rng.integers(0, 256, 256, dtype=np.uint8), np.zeros(256, np.uint8)):
        found = looked_up(values, table)
        assert found.dtype == np.uint8
        assert np.array_equal(found, table[values])


def test_runs_give_back_the_values():
    values = np.array([[5, 5, 9], [9, 5, 0]])
    different, which = value_runs(values)
    assert different.tolist() == [0, 5, 9]
    assert different[which].reshape(values.shape).tolist() == values.tolist()
