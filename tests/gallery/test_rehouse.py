"""Single photos go or move, and readers that are open see it."""

from __future__ import annotations

import sqlite3

import pytest
from tests.gallery.people import new_store, photos_of, vectors_of

from headstart.gallery.index import IndexStore
from headstart.gallery.rehouse import Held, find_photos
from headstart.gallery.search import Index


@pytest.fixture
def store(tmp_path):
    with new_store(tmp_path) as store:
        for who in ("Ann", "Bob"):
            store.enroll(who, photos_of(who, 3, sex="f"))
        yield store


def people_of(index: Index) -> dict[str, int]:
    return {index._names[who]: len(places) for who, places in index._places.items()}


@pytest.mark.parametrize("method", ["knn", "centroid"])
def test_a_reader_that_is_open_follows(store, tmp_path, method):
    with IndexStore(tmp_path / "index.sqlite") as reader:
        index = Index(16, method=method)
        seen = reader.changes()
        index.apply(seen)
        for photo, person, left in (
            ("Ann/0.jpg", None, {"Ann": 2, "Bob": 3}),
            ("Ann/1.jpg", "Bob", {"Ann": 1, "Bob": 4}),
            ("Ann/2.jpg", "Cid", {"Bob": 4, "Cid": 1}),
        ):
            store.give(store.find(photo), person)
            assert store.counts() == left
            assert reader.changed()
            seen = reader.changes(seen.mark)
            index.apply(seen)
            assert sorted(index.people) == sorted(left)
            fresh = Index(16, method=method)
            fresh.apply(reader.changes())
            for probe in ("Ann", "Bob"):
                [one], [other] = (
                    each.search(vectors_of(probe, 1), top=3) for each in (index, fresh)
                )
                assert [who for who, _ in one] == [who for who, _ in other]
            if method == "knn":
                assert people_of(index) == left


def test_what_goes_with_a_photo_stays(store):
    store.give(store.find("Ann/1.jpg"), "Bob")
    _, attributes = store.everything()
    assert attributes == [{"sex": "f"}] * 6
    [found] = store.find("Ann/1.jpg")
    assert (found.person, found.name) == ("Bob", "Ann/1.jpg")
    assert store.owner_of([photos_of("Ann", 2)[1].fingerprint]) == {
        photos_of("Ann", 2)[1].fingerprint: "Bob"
    }


def test_a_photo_that_went_is_gone_from_the_disk(store, tmp_path):
    store.give(store.find("Ann/1.jpg"), None)
    held = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert vectors_of("Ann", 3)[1].tobytes() not in held
    assert vectors_of("Ann", 3)[2].tobytes() in held


def test_a_photo_is_found_by_content_by_name_and_by_its_end(store):
    names = {each.name for each in store.find("1.jpg")}
    assert names == {"Ann/1.jpg", "Bob/1.jpg"}
    assert [each.name for each in store.find("./Ann/1.jpg")] == ["Ann/1.jpg"]
    assert [each.name for each in store.find("x", photos_of("Bob", 1)[0].fingerprint)] == [
        "Bob/0.jpg"
    ]
    assert store.find("nn/1.jpg") == store.find("") == store.find("/") == []
    with sqlite3.connect(":memory:") as db:
        db.executescript(
            "CREATE TABLE people(id, name); CREATE TABLE photos(id, person, photo, fingerprint);"
            "INSERT INTO people VALUES (7, 'Jose\u0301'); INSERT INTO photos VALUES (1, 7, 'a', 1)"
        )
        assert find_photos(db, "a", None) == [Held(1, "a", "Jose\u0301")]
    db.close()
