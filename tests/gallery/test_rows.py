"""What goes into the index and comes out: records that cannot be changed by accident."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.gallery.people import new_store, photos_of

from headstart.gallery.rows import Added, Mark, Photo


def test_records_are_frozen():
    photo = Photo("a.jpg", b"x" * 16, np.zeros(3, np.float32))
    with pytest.raises(dataclasses.FrozenInstanceError):
        photo.name = "b.jpg"
    with pytest.raises(dataclasses.FrozenInstanceError):
        Mark().photo = 3


def test_no_two_photos_share_their_attributes():
    one, other = (Photo(name, b"", np.zeros(1)) for name in "ab")
    one.attributes["age"] = "young"
    assert other.attributes == {}
    first, second = Added(()), Added(())
    first.elsewhere["x"] = "ann"
    assert second.elsewhere == {}


def test_who_has_seen_nothing_sees_all(tmp_path):
    with new_store(tmp_path) as store:
        store.enroll("ann", photos_of("ann", 2))
        first = store.changes(Mark())
        assert first.mark == store.changes(None).mark
        assert len(first.owners) == 2
        assert (first.mark.photo, first.mark.person, first.mark.removal) == (2, 1, 0)


def test_marks_only_grow(tmp_path):
    with new_store(tmp_path) as store:
        marks = [store.changes().mark]
        for step in (
            lambda: store.enroll("ann", photos_of("ann", 2)),
            lambda: store.enroll("bob", photos_of("bob", 1)),
            lambda: store.remove("bob"),
            lambda: store.enroll("bob", photos_of("bob", 1)),
        ):
            step()
            marks.append(store.changes(marks[-1]).mark)
    for name in ("photo", "person", "removal", "revision"):
        values = [getattr(mark, name) for mark in marks]
        assert values == sorted(values), name
    assert marks[-1].revision == 4
    assert marks[-1].removal == 1


def test_changes_begin_where_the_mark_ends(tmp_path):
    with new_store(tmp_path) as store:
        store.enroll("ann", photos_of("ann", 3))
        seen = store.changes()
        again = store.changes(seen.mark)
        assert (again.removed, again.people, len(again.owners)) == ((), {}, 0)
        assert again.vectors.shape == (0, 16)
        assert again.mark == seen.mark
        store.enroll("ann", photos_of("ann", 4))
        more = store.changes(seen.mark)
        assert more.people == {}
        assert more.owners.tolist() == [1]
        assert more.stale
