"""The SQLite file of a gallery: its tables, how it is opened, and its errors in our words."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headstart.errors import ModelError, OutputError

__all__ = [
    "APPLICATION",
    "VERSION",
    "check_schema",
    "connect",
    "create",
    "damaged",
    "explained",
]

APPLICATION = 0x48534758  # "HSGX": told from any other SQLite file
VERSION = 1
_WAIT_SECONDS = 30.0
# Ids are never given twice (AUTOINCREMENT), and writers take turns: what a reader has not seen
# has a higher id than all it has seen.
_SCHEMA = """
CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE photos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    photo TEXT NOT NULL,
    fingerprint BLOB NOT NULL UNIQUE,
    attributes TEXT NOT NULL,
    vector BLOB NOT NULL
);
CREATE INDEX photos_of_person ON photos(person);
CREATE TABLE removals (id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER NOT NULL);
CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    dimension INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    calibrated INTEGER NOT NULL,
    settings TEXT NOT NULL,
    calibration TEXT
);
"""

_TABLES = "SELECT type, name, tbl_name, sql FROM sqlite_master"
# What SQLite says when the disk or the folder refuses; all else that it says is damage.
_REFUSED = ("full", "readonly", "read-only", "unable to open", "disk I/O", "permission")


def create(file: Path, *, dimension: int, settings: dict[str, Any]) -> None:
    """Writes an empty index.

    Args:
        file: Not there yet.
        dimension: D of its vectors.
        settings: See `headstart.gallery.rows.Changes`.

    Raises:
        OutputError: If it cannot be written.
    """
    try:
        db = sqlite3.connect(file, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(f"BEGIN; {_SCHEMA}")
            db.execute(
                "INSERT INTO state VALUES (1, ?, 0, -1, ?, NULL)",
                (dimension, json.dumps(settings)),
            )
            db.execute(f"PRAGMA application_id={APPLICATION}")
            db.execute(f"PRAGMA user_version={VERSION}")
            db.execute("COMMIT")
        finally:
            db.close()
    except sqlite3.Error as error:
        raise OutputError(f"cannot write {file} ({error})") from None


def connect(file: Path, *, write: bool) -> sqlite3.Connection:
    """Opens the file; where the folder may not be written, as one that nobody changes.

    Args:
        file: It exists.
        write: Whether anything is to be changed.

    Raises:
        sqlite3.Error: If it cannot be opened.
    """
    place = file.absolute().as_uri()
    journal = Path(f"{file}-wal")
    # Even a reader of WAL writes the journal's index, so read-only folders need another way in.
    if write or os.access(file.parent, os.W_OK):
        place += "?mode=rw"
    elif journal.exists() and journal.stat().st_size:
        place += "?mode=ro"
    else:
        place += "?immutable=1"
    db = sqlite3.connect(place, uri=True, isolation_level=None, timeout=_WAIT_SECONDS)
    try:
        db.execute("PRAGMA trusted_schema=OFF")
        if write:
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA foreign_keys=ON")
            db.execute("PRAGMA secure_delete=ON")
        else:
            db.execute("PRAGMA query_only=ON")
    except BaseException:
        db.close()
        raise
    return db


@functools.cache
def _expected() -> frozenset[tuple[str, ...]]:
    db = sqlite3.connect(":memory:")
    try:
        db.executescript(_SCHEMA)
        return _tables(db)
    finally:
        db.close()


def _tables(db: sqlite3.Connection) -> frozenset[tuple[str, ...]]:
    """What there is, with how it was made; blanks and line breaks do not count."""
    return frozenset(tuple(" ".join(str(x).split()) for x in row) for row in db.execute(_TABLES))


def check_schema(db: sqlite3.Connection, file: Path) -> None:
    """Refuses a file with other tables than ours, or with triggers and views beside them.

    These would run with whatever is asked of the index, and can change what it answers.

    Raises:
        ModelError: With the name of the first.
        sqlite3.Error: If the file is damaged.
    """
    found = _tables(db)
    for kind, name, *_ in sorted(found - _expected(), key=str):
        shown = str(name).encode("unicode_escape").decode()
        raise damaged(file, f"its {kind} {shown} is none of a gallery's")
    for kind, name, *_ in sorted(_expected() - found, key=str):
        raise damaged(file, f"no such {kind}: {name}")


def damaged(file: Path, why: str) -> ModelError:
    """Returns the error for an index that cannot be trusted any more."""
    return ModelError(
        f"{file} is damaged ({why}): copy the gallery's folder anew, or enroll into another folder"
    )


@contextlib.contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turns SQLite's errors into ours.

    Raises:
        ModelError: If the file is damaged.
        OutputError: If the disk refuses, or another process writes for too long.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text:
            raise OutputError(
                f"{file} has been held by another process for more than {_WAIT_SECONDS:.0f} s: "
                f"try again"
            ) from None
        if not any(each in text for each in _REFUSED):
            raise damaged(file, text) from None
        raise OutputError(
            f"{file} cannot be used ({text}): is the disk full, or may the folder not be written?"
        ) from None
    except (sqlite3.DatabaseError, ValueError, TypeError, RecursionError) as error:
        raise damaged(file, str(error)) from None
