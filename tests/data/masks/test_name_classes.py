"""Names and colours of classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.data.masks.name_classes import drawing_colours, name_classes
from headstart.data.masks.value_names import ValueNames
from headstart.errors import DataError

FILE = Path("classes.txt")


def named(values, names, *, colours=False, palette=None):
    return name_classes(values, names, colours, palette=palette or {}, root=Path("set"))


def test_names_in_order_are_those_of_the_values_in_order():
    found = named([0, 128, 255], ValueNames(FILE, in_order=("bg", "cell", "nucleus")))
    assert found.names == ("bg", "cell", "nucleus")


def test_numbered_values_are_places_in_the_list():
    found = named([0, 2], ValueNames(FILE, in_order=("bg", "cell", "nucleus")))
    assert (found.names, found.indices) == (("bg", "nucleus"), (0, 1))


def test_background_may_be_left_out_of_the_list():
    found = named([0, 100, 200], ValueNames(FILE, in_order=("cell", "nucleus")))
    assert found.names == ("background", "cell", "nucleus")


def test_a_palette_gives_the_colours_and_void_is_ignored():
    names = ValueNames(FILE, by_value={0: "bg", 1: "cell", 2: "void"})
    found = named([0, 1, 2], names, palette={1: 0x0A0B0C})
    assert (found.names, found.indices) == (("bg", "cell"), (0, 1, 255))
    assert found.palette.tolist() == [[0, 0, 0], [10, 11, 12]]


def test_greys_of_a_file_name_grey_colours():
    names = ValueNames(FILE, by_value={0: "bg", 128: "cell"})
    assert named([0, 0x808080], names, colours=True).names == ("bg", "cell")


def test_a_file_that_names_other_values_is_refused():
    with pytest.raises(DataError, match="names none of the values"):
        named([0, 255], ValueNames(FILE, by_value={3: "a", 4: "b"}))


def test_colours_differ_and_begin_with_black():
    colours = drawing_colours(60)
    assert colours[:3].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    assert len({tuple(each) for each in colours.tolist()}) == 60
