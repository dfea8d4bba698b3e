"""Photos as data sets: of people, of one person, or of nobody knows whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.verbs.albums import album

from headstart.errors import DataError
from headstart.gallery.photos import photos_of, photos_of_one, photos_of_people


@pytest.fixture
def photos(tmp_path) -> Path:
    return album(tmp_path / "photos", ("Bob", "Ann"), range(2))


def test_one_or_many_names_are_the_same_to_it(photos):
    one, other = photos / "Ann" / "1.png", photos / "Bob"
    for given in (one, str(one), [one], (str(one),), iter([one])):
        found = photos_of(given)
        assert [found.path(i) for i in range(len(found))] == [one]
    found = photos_of([one, str(other)])
    assert [found.path(i) for i in range(len(found))] == [one, other / "0.png", other / "1.png"]
    assert not found.labelled.any()


def test_what_is_not_there_is_a_row_all_the_same(photos):
    found = photos_of([photos / "gone.png", photos / "Ann" / "0.png"])
    assert [Path(name).name for name in found.names] == ["gone.png", "0.png"]


def test_all_are_of_the_person_that_was_named(photos):
    found = photos_of_one([photos / "Bob", photos / "Ann" / "0.png"], "Eve")
    assert [found.labels.text(i) for i in range(3)] == ["Eve"] * 3
    assert found.labels.kinds == ("Eve",)
    assert found.labelled.all()


def test_folders_are_people(photos):
    found = photos_of_people(photos, None, otherwise="")
    assert {(name, found.labels.text(i)) for i, name in enumerate(found.names)} == {
        (f"{who}/{at}.png", who) for who in ("Ann", "Bob") for at in (0, 1)
    }


def test_in_a_table_photos_of_nobody_are_left_out(photos):
    rows = ["path,who", "Ann/0.png,Ann", "Bob/0.png,", "Ann/1.png,Bob"]
    (photos / "list.csv").write_text("\n".join(rows))
    found = photos_of_people(photos / "list.csv", "who", otherwise="")
    assert found.names == ("Ann/0.png", "Ann/1.png")
    assert [found.labels.text(i) for i in range(2)] == ["Ann", "Bob"]


def test_photos_that_do_not_say_who_is_on_them(photos):
    with pytest.raises(DataError, match="Ann does not say who is on its photos: ask them"):
        photos_of_people(photos / "Ann", None, otherwise="ask them")
