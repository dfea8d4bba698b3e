"""Numbers, outlines and labels of annotation files, tidied."""

from __future__ import annotations

import math

import pytest

from headstart.data.annotations.box_notes import as_number, hull, tidied


@pytest.mark.parametrize("odd", [None, "x", True, [], "1,5", {}])
def test_what_is_no_number_is_nan(odd):
    assert math.isnan(as_number(odd))


def test_numbers_of_any_kind():
    assert [as_number(each) for each in (3, "4.5", " 7 ", 1e3)] == [3, 4.5, 7, 1000]


def test_the_box_around_points():
    assert hull([(1, 5), (3, 2), (2, 9)]) == (1, 2, 3, 9)
    assert all(math.isnan(each) for each in hull([]))


def test_labels_lose_their_blanks_and_that_is_said():
    assert tidied("cat") == ("cat", "")
    label, flaw = tidied(" big  cat\n")
    assert label == "big cat"
    assert "blanks" in flaw
    assert tidied(3)[0] == "3"
