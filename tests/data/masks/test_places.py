"""What is taken off the names of images and masks."""

from __future__ import annotations

from headstart.data.masks.places import (
    Place,
    without_common,
    without_numbers,
    without_only_folder,
    without_zeros,
)


def stems(places):
    return [place.stem for place in places]


def test_what_all_names_share_and_the_zeros_of_numbers_are_taken_off():
    places = [Place(f"m/m_{n}_x.png", ("m",), f"m_{n}_x") for n in ("007", "010", "000")]
    assert stems(without_common(places)) == ["007", "010", "000"]
    assert stems(without_zeros(places)) == ["m_7_x", "m_10_x", "m_0_x"]
    assert [place.key for place in without_only_folder(places)] == [()] * 3
    assert stems(without_zeros([Place("a", (), "a1.05_0")])) == ["a1.5_0"]


def test_numbers_of_folders_are_taken_off_where_no_names_clash():
    one, two = Place("t_1/a.png", ("t_1",), "a"), Place("t_2/b.png", ("t_2",), "b")
    assert [place.key for place in without_numbers([one, two])] == [("t",), ("t",)]
    clash = [one, Place("t_2/a.png", ("t_2",), "a")]
    assert without_numbers(clash) == clash
