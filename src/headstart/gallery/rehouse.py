"""Single photos out of the index, or to another person, in the terms that readers understand.

Readers ask for ids that are new and for people that are gone. So what stays of a person from whom a
photo is taken comes in anew, under a new id, and the old one is gone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from headstart.gallery.names import person_name

__all__ = ["Held", "find_photos", "rehouse"]


@dataclass(frozen=True)
class Held:
    """A photo in the index.

    Attributes:
        id: Of its row.
        name: Where it was when it was enrolled.
        person: Whose it is.
    """

    id: int
    name: str
    person: str


_PHOTOS = "SELECT photos.id, photo, name FROM photos JOIN people ON people.id = person"


def find_photos(db: sqlite3.Connection, name: str, fingerprint: bytes | None) -> list[Held]:
    """Returns the photos that somebody means.

    Args:
        db: The index.
        name: A path, a name as it was enrolled, or its end.
        fingerprint: Of the file's content, where there is such a file: it is then that one alone.
    """
    if fingerprint is not None:
        rows = db.execute(f"{_PHOTOS} WHERE fingerprint = ?", (fingerprint,)).fetchall()
        if rows:
            return [Held(*row) for row in rows]
    every = [Held(*row) for row in db.execute(f"{_PHOTOS} ORDER BY photos.id")]
    wanted = _parts(name)
    whole = [each for each in every if _parts(each.name) == wanted]
    if whole or not wanted:
        return whole
    return [each for each in every if _parts(each.name)[-len(wanted) :] == wanted]


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(person_name(name.replace("\\", "/"))).parts


def rehouse(
    db: sqlite3.Connection, people: Sequence[int], home: Callable[[int, str], str | None]
) -> None:
    """Takes people out and puts their photos in anew, each where it belongs now.

    Args:
        db: In a transaction that writes.
        people: Ids of all who lose a photo.
        home: (id of a photo, its person's name) -> the name of the person it belongs to; None where
            it is to go.
    """
    kept: dict[str, list[tuple[object, ...]]] = {}
    for person in people:
        rows = db.execute(
            "SELECT photos.id, name, photo, fingerprint, attributes, vector FROM photos "
            "JOIN people ON people.id = person WHERE person = ? ORDER BY photos.id",
            (person,),
        )
        for photo, name, *row in rows:
            new = home(photo, name)
            if new is not None:
                kept.setdefault(new, []).append(tuple(row))
    for person in people:
        db.execute("DELETE FROM people WHERE id = ?", (person,))
        db.execute("INSERT INTO removals(person) VALUES (?)", (person,))
    for name, photos in kept.items():
        row = db.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
        if row is None:
            row = (db.execute("INSERT INTO people(name) VALUES (?)", (name,)).lastrowid,)
        db.executemany(
            "INSERT INTO photos(person, photo, fingerprint, attributes, vector) "
            "VALUES (?, ?, ?, ?, ?)",
            [(*row, *each) for each in photos],
        )
