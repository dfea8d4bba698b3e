"""The index on disk: transactions, readers beside writers, kill -9, and damage."""

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.gallery.people import SETTINGS, new_store, photos_of, vectors_of

from headstart.errors import ModelError, OptionError, OutputError
from headstart.gallery import database
from headstart.gallery.index import IndexStore
from headstart.gallery.rows import Photo

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def test_what_goes_in_comes_out(tmp_path):
    with new_store(tmp_path) as store:
        done = store.enroll("Ann", photos_of("Ann", 3, sex="female"))
        assert (len(done.added), done.known, done.elsewhere) == (3, (), {})
        store.enroll("Bob", photos_of("Bob", 2))
        assert store.counts() == {"Ann": 3, "Bob": 2}
    with IndexStore(tmp_path / "index.sqlite") as store:
        changes, attributes = store.everything()
    assert list(changes.people.values()) == ["Ann", "Bob"]
    assert np.array_equal(changes.vectors[:3], vectors_of("Ann", 3))
    assert changes.owners.tolist() == [1, 1, 1, 2, 2]
    assert attributes == [{"sex": "female"}] * 3 + [{}] * 2
    assert changes.calibration is None
    assert changes.stale


def test_a_photo_is_enrolled_once(tmp_path):
    with new_store(tmp_path) as store:
        store.enroll("Ann", photos_of("Ann", 3))
        again = store.enroll("Ann", photos_of("Ann", 4))
        assert (again.added, len(again.known)) == (("Ann/3.jpg",), 3)
        clash = store.enroll("Eve", photos_of("Ann", 1))
        assert clash.elsewhere == {"Ann/0.jpg": "Ann"}
        assert store.counts() == {"Ann": 4}, "Eve has no photo, so she is not enrolled"
        assert store.owner_of([photos_of("Ann", 1)[0].fingerprint, b"?" * 16]) == {
            photos_of("Ann", 1)[0].fingerprint: "Ann"
        }


def test_a_reader_sees_only_what_is_new(tmp_path):
    with new_store(tmp_path) as writer, IndexStore(tmp_path / "index.sqlite") as reader:
        writer.enroll("Ann", photos_of("Ann", 2))
        assert reader.changed()
        first = reader.changes()
        assert not reader.changed()
        writer.enroll("Bob", photos_of("Bob", 1))
        writer.enroll("Ann", [*photos_of("Ann", 3)][2:])
        assert reader.changed()
        second = reader.changes(first.mark)
        assert second.people == {2: "Bob"}
        assert second.owners.tolist() == [2, 1]
        writer.remove("Ann")
        third = reader.changes(second.mark)
        assert third.removed == (1,)
        assert len(third.owners) == 0
        writer.enroll("Ann", photos_of("Ann", 1))
        fourth = reader.changes(third.mark)
        assert fourth.people == {3: "Ann"}, "an id is never given twice"


def test_removal_leaves_nothing_in_the_files(tmp_path):
    with new_store(tmp_path) as store:
        store.enroll("Ann", photos_of("Ann", 3))
        store.enroll("Bob", photos_of("Bob", 3))
        assert store.remove("Ann") == 3
        held = b"".join(each.read_bytes() for each in tmp_path.iterdir())
        assert vectors_of("Ann", 1)[0].tobytes() not in held
        assert vectors_of("Bob", 1)[0].tobytes() in held
        with pytest.raises(OptionError, match="nobody called 'Ann' is enrolled; there are: Bob"):
            store.remove("Ann")
        store.remove("Bob")
        with pytest.raises(OptionError, match="the gallery is empty"):
            store.remove("Bob")


def test_a_calibration_of_the_past_does_not_replace_a_newer_one(tmp_path):
    with new_store(tmp_path) as store:
        store.enroll("Ann", photos_of("Ann"))
        old = store.changes().mark.revision
        store.enroll("Bob", photos_of("Bob"))
        later, earlier = SETTINGS | {"far": 0.1}, SETTINGS | {"far": 0.2}
        assert store.calibrate({"t": 2}, revision=old + 1, settings=later)
        assert not store.calibrate({"t": 1}, revision=old, settings=earlier)
        found = store.changes()
        assert (found.calibration, found.settings, found.stale) == ({"t": 2}, later, False)
        store.enroll("Cid", photos_of("Cid"))
        assert store.changes().stale


def test_wrong_vectors_never_go_in(tmp_path):
    with new_store(tmp_path) as store:
        for vector in (np.ones(16), np.zeros(16), np.full(16, np.nan), np.eye(17)[0]):
            with pytest.raises(ValueError, match="of length 1"):
                store.enroll("Ann", [*photos_of("Ann", 1), Photo("x", b"x" * 16, vector)])
        assert store.counts() == {}, "all of a transaction or nothing"


def test_what_is_no_index_says_so(tmp_path):
    file = tmp_path / "index.sqlite"
    with pytest.raises(ModelError, match="is missing"):
        IndexStore(file)
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(ModelError, match="damaged"):
        IndexStore(file)
    file.write_bytes(b"")
    with pytest.raises(ModelError, match="is not the index of a gallery"):
        IndexStore(file)
    file.unlink()
    new_store(tmp_path).close()
    other = sqlite3.connect(file)
    other.execute("PRAGMA user_version=99")
    other.close()
    with pytest.raises(ModelError, match="newer headstart"):
        IndexStore(file)


@pytest.mark.parametrize("vector", [b"\0" * 64, b"\xff" * 64, b"\0" * 60, None])
def test_a_damaged_vector_is_found(tmp_path, vector):
    with new_store(tmp_path) as store:
        store.enroll("Ann", photos_of("Ann"))
    file = tmp_path / "index.sqlite"
    if vector is None:  # a page of the file
        data = bytearray(file.read_bytes())
        data[4096:] = os.urandom(len(data) - 4096)
        file.write_bytes(data)
    else:
        db = sqlite3.connect(file)
        db.execute("UPDATE photos SET vector = ? WHERE id = 2", (vector,))
        db.commit()
        db.close()
    with pytest.raises(ModelError, match="damaged"), IndexStore(file) as store:
        store.changes()


def test_a_read_only_folder_can_be_read(tmp_path, monkeypatch):
    new_store(tmp_path).close()
    file = tmp_path / "index.sqlite"
    with IndexStore(file, write=True) as store:
        store.enroll("Ann", photos_of("Ann"))
    if ROOT:  # for whom nothing is read-only
        monkeypatch.setattr(database.os, "access", lambda *_: False)
    else:
        tmp_path.chmod(0o555)
    try:
        with IndexStore(file) as store:
            assert store.counts() == {"Ann": 3}
        assert not (tmp_path / "index.sqlite-shm").exists()
        file.chmod(0o444)
        with pytest.raises(OutputError, match="may not be written"):
            IndexStore(file, write=True)
    finally:
        tmp_path.chmod(0o755)


def test_a_second_writer_waits_and_then_gives_up(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "_WAIT_SECONDS", 0.2)
    with new_store(tmp_path) as store, IndexStore(tmp_path / "index.sqlite", write=True) as other:
        store._db.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutputError, match="another process"):
            other.enroll("Bob", photos_of("Bob"))
        store._db.execute("COMMIT")
        assert other.enroll("Bob", photos_of("Bob")).added


WRITER = """
import sys
from pathlib import Path
from tests.gallery.people import photos_of
from headstart.gallery.index import IndexStore
with IndexStore(Path(sys.argv[1]), write=True) as store:
    for number in range(10_000):
        name = f"{sys.argv[2]}{number}"
        store.enroll(name, photos_of(name, 4))
        print(name, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL (POSIX)")
def test_kill_9_loses_nothing_committed(tmp_path, request):
    """Two processes enrol side by side and are killed at random; a third reads meanwhile."""
    new_store(tmp_path).close()
    file = tmp_path / "index.sqlite"
    rng = np.random.default_rng(0)
    committed: set[str] = set()
    reader = IndexStore(file)
    for number in range(3):
        children = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(file), f"{who}{number}-"],
                stdout=subprocess.PIPE,
                text=True,
                cwd=request.config.rootpath,
            )
            for who in "ab"
        ]
        heard = [child.stdout.readline().strip() for child in children]
        time.sleep(float(rng.uniform(0.02, 0.3)))
        seen = reader.counts()
        assert set(seen.values()) <= {4}, "a reader never sees half a person"
        for child in children:
            child.send_signal(signal.SIGKILL)
        for child in children:
            heard += child.stdout.read().splitlines()
            child.wait()
            child.stdout.close()
        committed |= {name for name in heard if name}
        assert len(committed) > 2
        with IndexStore(file, write=True) as store:
            there = store.counts()
            assert committed <= set(there), "what was said to be committed is there"
            assert set(there.values()) == {4}, "all photos of a person, or none"
            assert len(there) <= len(committed) + 2 * (number + 1), "one more each, unsaid"
            assert store._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    reader.close()
    with IndexStore(file) as store:
        changes = store.changes()
    for person, name in changes.people.items():
        assert np.array_equal(changes.vectors[changes.owners == person], vectors_of(name, 4))


def test_a_full_disk_takes_nothing_back(tmp_path):
    with new_store(tmp_path) as store:
        store.enroll("Ann", photos_of("Ann"))
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count={pages + 1}")
        with pytest.raises(OutputError, match="full"):
            store.enroll("Bob", photos_of("Bob", 500))
        assert store.counts() == {"Ann": 3}
        assert len(store.changes().owners) == 3


@pytest.mark.parametrize("name", ["ann", "", "O'Brien; DROP TABLE people", "名前", "é"])
def test_any_name_of_a_person(tmp_path, name):
    with new_store(tmp_path) as store:
        store.enroll(name, photos_of("x", 2))
        assert store.counts() == {name: 2}
        assert store.remove(name) == 2
        assert store.counts() == {}


def test_who_is_not_enrolled_cannot_be_removed(tmp_path):
    with new_store(tmp_path) as store:
        with pytest.raises(OptionError, match="nobody called 'x' is enrolled: the gallery is empt"):
            store.remove("x")
        for at in range(7):
            store.enroll(f"p{at}", photos_of(f"p{at}", 1))
        with pytest.raises(OptionError, match=r"there are: p0, p1, p2, p3, p4 and 2 more$"):
            store.remove("P0")
        assert store.changes().mark.revision == 7


def test_nobody_is_enrolled_without_a_photo(tmp_path):
    with new_store(tmp_path) as store:
        assert store.enroll("ann", []).added == ()
        assert store.counts() == {}
        photos = photos_of("ann", 2)
        store.enroll("ann", photos)
        done = store.enroll("bob", photos)
        assert done.elsewhere == {"ann/0.jpg": "ann", "ann/1.jpg": "ann"}
        assert store.counts() == {"ann": 2}
        assert list(store.changes().people.values()) == ["ann"]


def test_one_bad_vector_takes_nothing(tmp_path):
    good, bad = photos_of("ann", 2)
    bad = dataclasses.replace(bad, vector=2 * bad.vector)
    with new_store(tmp_path) as store:
        with pytest.raises(ValueError, match=r"ann/1\.jpg: need \(16,\) of length 1"):
            store.enroll("ann", [good, bad])
        assert store.counts() == {}
        assert store.owner_of([good.fingerprint]) == {}


def test_owners_of_photos(tmp_path):
    ann, bob = photos_of("ann", 2), photos_of("bob", 1)
    with new_store(tmp_path) as store:
        store.enroll("ann", ann)
        store.enroll("bob", bob)
        asked = [each.fingerprint for each in (*ann, *bob)] + [b"nobody's photo.."]
        assert list(store.owner_of(asked).values()) == ["ann", "ann", "bob"]
        assert store.owner_of([]) == {}


def test_a_reader_is_told_of_changes_by_others_once(tmp_path):
    with new_store(tmp_path) as writer, IndexStore(tmp_path / "index.sqlite") as reader:
        assert reader.changed()
        assert not reader.changed()
        writer.enroll("ann", photos_of("ann", 1))
        assert reader.changed()
        assert not reader.changed()


def test_a_later_format_is_refused(tmp_path):
    new_store(tmp_path).close()
    db = sqlite3.connect(tmp_path / "index.sqlite")
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(ModelError, match=r"newer headstart \(format 99, this one knows \d+\)"):
        IndexStore(tmp_path / "index.sqlite")


def test_a_calibration_makes_it_fresh_until_something_changes(tmp_path):
    with new_store(tmp_path) as store:
        store.enroll("ann", photos_of("ann", 2))
        assert store.changes().stale
        revision = store.changes().mark.revision
        assert store.calibrate({"threshold": 0.4, "wort": "größe"}, revision=revision,
                               settings=SETTINGS)  # fmt: skip
        assert store.changes().calibration == {"threshold": 0.4, "wort": "größe"}
        assert not store.changes().stale
        store.remove("ann")
        assert store.changes().stale
        assert store.calibrate(None, revision=store.changes().mark.revision, settings=SETTINGS)
        assert store.changes().calibration is None
