"""The SQLite file of a gallery: how it is made, opened, and what its errors become."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from headstart.errors import ModelError, OutputError
from headstart.gallery.database import (
    APPLICATION,
    VERSION,
    check_schema,
    connect,
    create,
    damaged,
    explained,
)
from headstart.gallery.index import IndexStore

ROOT = not hasattr(os, "geteuid") or os.geteuid() == 0


@pytest.fixture
def file(tmp_path) -> Path:
    """An empty index."""
    create(tmp_path / "index.sqlite", dimension=7, settings={"method": "knn", "name": "größe"})
    return tmp_path / "index.sqlite"


def one(db: sqlite3.Connection, query: str) -> object:
    return db.execute(query).fetchone()[0]


def test_an_empty_index(file):
    db = connect(file, write=False)
    assert one(db, "PRAGMA application_id") == APPLICATION
    assert one(db, "PRAGMA user_version") == VERSION
    assert one(db, "PRAGMA journal_mode") == "wal"
    dimension, revision, calibrated, settings, calibration = db.execute(
        "SELECT dimension, revision, calibrated, settings, calibration FROM state"
    ).fetchone()
    assert (dimension, revision, calibrated, calibration) == (7, 0, -1, None)
    assert json.loads(settings) == {"method": "knn", "name": "größe"}
    for table in ("people", "photos", "removals"):
        assert one(db, f"SELECT count(*) FROM {table}") == 0
    db.close()


def test_the_application_is_four_letters():
    assert APPLICATION.to_bytes(4, "big") == b"HSGX"


def test_it_is_made_once_only(file):
    with pytest.raises(OutputError, match=r"cannot write .*\(table .* already exists"):
        create(file, dimension=3, settings={})
    db = connect(file, write=False)
    assert one(db, "SELECT dimension FROM state") == 7
    db.close()


@pytest.mark.parametrize("place", ["gone/index.sqlite", "."])
def test_where_it_cannot_be_made(tmp_path, place):
    with pytest.raises(OutputError, match=r"cannot write .*unable to open database file"):
        create(tmp_path / place, dimension=3, settings={})


def test_a_reader_cannot_write(file):
    db = connect(file, write=False)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("INSERT INTO people(name) VALUES ('x')")
    db.close()


def test_a_writer_is_safe(file):
    db = connect(file, write=True)
    assert one(db, "PRAGMA synchronous") == 2  # full
    assert one(db, "PRAGMA foreign_keys") == 1
    assert one(db, "PRAGMA secure_delete") == 1
    db.close()


def test_photos_go_with_their_person(file):
    db = connect(file, write=True)
    db.execute("INSERT INTO people(name) VALUES ('ann')")
    photo = "INSERT INTO photos(person, photo, fingerprint, attributes, vector) VALUES (1,?,?,?,?)"
    db.execute(photo, ("a.jpg", b"1", "{}", b""))
    with pytest.raises(sqlite3.IntegrityError, match="fingerprint"):
        db.execute(photo, ("b.jpg", b"1", "{}", b""))
    with pytest.raises(sqlite3.IntegrityError, match="name"):
        db.execute("INSERT INTO people(name) VALUES ('ann')")
    db.execute("DELETE FROM people")
    assert one(db, "SELECT count(*) FROM photos") == 0
    db.execute("INSERT INTO people(name) VALUES ('bob')")
    assert one(db, "SELECT id FROM people") == 2  # ids are never given twice
    db.close()


def test_there_is_one_state(file):
    db = connect(file, write=True)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT INTO state VALUES (2, 1, 1, 1, '', NULL)")
    db.close()


@pytest.mark.parametrize("name", ["with space", "größe", "per%20cent", "what?", "a#b"])
def test_any_name_of_a_folder(tmp_path, name):
    place = tmp_path / name / "index.sqlite"
    place.parent.mkdir()
    create(place, dimension=2, settings={})
    for write in (False, True):
        db = connect(place, write=write)
        assert one(db, "SELECT dimension FROM state") == 2
        db.close()
    assert {path.name for path in place.parent.iterdir()} <= {
        "index.sqlite", "index.sqlite-wal", "index.sqlite-shm",
    }  # fmt: skip


def test_connecting_makes_no_file(tmp_path):
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        connect(tmp_path / "gone.sqlite", write=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(ROOT, reason="root may write all")
def test_a_read_only_folder(file):
    file.parent.chmod(0o555)
    try:
        db = connect(file, write=False)
        assert one(db, "SELECT dimension FROM state") == 7
        db.close()
    finally:
        file.parent.chmod(0o755)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER evil AFTER INSERT ON photos BEGIN DELETE FROM people; END",
        "CREATE VIEW evil AS SELECT * FROM people",
        "CREATE TABLE evil(id)",
        "CREATE INDEX evil ON people(name)",
        "ALTER TABLE people ADD COLUMN evil",
        "ALTER TABLE people RENAME TO evil",
        "CREATE TRIGGER 'ev\nil' AFTER INSERT ON photos BEGIN DELETE FROM people; END",
    ],
)
def test_what_is_none_of_ours_is_refused(file, statement):
    """A trigger takes people out while others are enrolled; a view says that A is B."""
    db = sqlite3.connect(file)
    db.execute(statement)
    db.commit()
    db.close()
    with pytest.raises(ModelError, match="damaged") as caught:
        IndexStore(file)
    assert "\n" not in str(caught.value)
    opened = connect(file, write=False)
    assert one(opened, "PRAGMA trusted_schema") == 0
    opened.close()


def test_a_table_that_is_a_view_now(file):
    db = sqlite3.connect(file)
    db.execute("ALTER TABLE people RENAME TO others")
    db.execute("CREATE VIEW people AS SELECT id, 'Bob' AS name FROM others")
    db.commit()
    db.close()
    with pytest.raises(ModelError, match="damaged"):
        IndexStore(file)


def test_blanks_in_the_schema_do_not_count(file):
    db = sqlite3.connect(file)
    check_schema(db, file)
    db.execute("PRAGMA writable_schema=ON")
    db.execute("UPDATE sqlite_master SET sql = replace(sql, '    ', '  ')")
    db.commit()
    check_schema(db, file)
    db.close()


# --- errors in our words ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (sqlite3.OperationalError("database is locked"), OutputError, "for more than 30 s: try"),
        (sqlite3.OperationalError("no such table: people"), ModelError, r"damaged \(no such table"),
        (sqlite3.OperationalError("disk I/O error"), OutputError, "is the disk full"),
        (sqlite3.OperationalError("database or disk is full"), OutputError, "is the disk full"),
        (sqlite3.DatabaseError("file is not a database"), ModelError, "is damaged"),
        (json.JSONDecodeError("Expecting value", "", 0), ModelError, "is damaged"),
    ],
)
def test_errors_become_ours(tmp_path, error, kind, words):
    with pytest.raises(kind, match=words) as caught, explained(tmp_path / "x.sqlite"):
        raise error
    assert "x.sqlite" in str(caught.value)


def test_other_errors_pass(tmp_path):
    with pytest.raises(ZeroDivisionError), explained(tmp_path):
        raise ZeroDivisionError
    with explained(tmp_path):
        pass


def test_damage_says_what_to_do(tmp_path):
    assert str(damaged(tmp_path / "i", "odd")).endswith(
        "is damaged (odd): copy the gallery's folder anew, or enroll into another folder"
    )
