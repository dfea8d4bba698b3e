"""The index of a gallery on disk: people, their photos' vectors, and the calibration.

SQLite of the standard library, because it already is what an index needs to be: a
transaction is on the disk or it never was, readers go on while one process writes, and a
second writer waits for its turn. Journal: write-ahead (WAL). `synchronous=FULL`, so that
a commit survives the loss of power and not only `kill -9`; it costs one fsync a commit.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from headstart.errors import ModelError, OptionError, OutputError
from headstart.gallery.database import (
    APPLICATION,
    VERSION,
    check_schema,
    connect,
    damaged,
    explained,
)
from headstart.gallery.names import person_name
from headstart.gallery.read_rows import attributes_of, of_length_one, read_changes, state_of
from headstart.gallery.rehouse import Held, find_photos, rehouse
from headstart.gallery.rows import Added, Changes, Mark, Photo
from headstart.lists import some_of

__all__ = ["IndexStore"]

_MOST = 1_000_000  # numbers that a vector may have: more are damage


class IndexStore:
    """An open index; use it in the thread that opened it, one for each.

    Args:
        file: `index.sqlite`.
        write: Whether anything is to be changed.

    Raises:
        ModelError: If it is missing, damaged, no index, or from a later version.
        OutputError: If it may not be written.
    """

    def __init__(self, file: Path, *, write: bool = False) -> None:
        self.file = file
        if not file.is_file():
            raise ModelError(f"{file} is missing: copy the gallery's folder anew")
        if write and not os.access(file, os.W_OK):
            raise OutputError(f"{file} may not be written: nothing was changed")
        self._data_version = -1
        with explained(self.file):
            self._db = connect(file, write=write)
            kind = self._db.execute("PRAGMA application_id").fetchone()[0]
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if kind != APPLICATION:
            self._db.close()
            raise ModelError(f"{file} is not the index of a gallery: copy the folder anew")
        if version > VERSION:
            self._db.close()
            raise ModelError(
                f"{file} was written by a newer headstart (format {version}, this one knows "
                f"{VERSION}): upgrade headstart"
            )
        try:
            with explained(self.file):
                check_schema(self._db, file)
                self.dimension = state_of(self._db, file, "dimension")[0]
            if not isinstance(self.dimension, int) or not 0 < self.dimension <= _MOST:
                raise damaged(file, f"vectors of {self.dimension!r} numbers")
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Closes it; the last to do so folds the journal into the file."""
        self._db.close()

    def __enter__(self) -> IndexStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def enroll(self, name: str, photos: Sequence[Photo]) -> Added:
        """Adds photos of one person in one transaction; all are there afterwards, or none.

        Args:
            name: The person, new or known; in `names.person_name`'s spelling from then on.
            photos: Vectors of the index's dimension.

        Raises:
            ValueError: If a vector has another shape or is not of length 1.
            OutputError: If the disk refuses, or another process writes for half a minute.
        """
        rows = []
        for each in photos:
            vector = np.ascontiguousarray(each.vector, "<f4")
            if vector.shape != (self.dimension,) or not of_length_one(vector[None]).all():
                raise ValueError(f"{each.name}: need ({self.dimension},) of length 1")
            # Sorted, so that equal attributes are equal text.
            text = json.dumps(each.attributes, sort_keys=True, ensure_ascii=False)
            rows.append((each, text, vector.tobytes()))
        added, known, elsewhere = [], [], {}
        name = person_name(name)
        with self._transaction() as db:
            row = db.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
            if row is None:
                row = (db.execute("INSERT INTO people(name) VALUES (?)", (name,)).lastrowid,)
            for photo, attributes, blob in rows:
                other = db.execute(
                    "SELECT name FROM photos JOIN people ON people.id = person "
                    "WHERE fingerprint = ?",
                    (photo.fingerprint,),
                ).fetchone()
                if other is None:
                    db.execute(
                        "INSERT INTO photos(person, photo, fingerprint, attributes, vector) "
                        "VALUES (?, ?, ?, ?, ?)",
                        (*row, photo.name, photo.fingerprint, attributes, blob),
                    )
                    added.append(photo.name)
                elif other[0] == name:
                    known.append(photo.name)
                else:
                    elsewhere[photo.name] = other[0]
            if not added:  # nobody is enrolled without a photo
                db.execute(
                    "DELETE FROM people WHERE id = ? AND NOT EXISTS "
                    "(SELECT 1 FROM photos WHERE person = people.id)",
                    row,
                )
            else:
                db.execute("UPDATE state SET revision = revision + 1")
        return Added(tuple(added), tuple(known), elsewhere)

    def remove(self, name: str) -> int:
        """Removes a person with all photos, and overwrites what they held on the disk.

        Returns:
            How many photos were removed.

        Raises:
            OptionError: If nobody has that name.
            OutputError: If the disk refuses.
        """
        with self._transaction() as db:
            row = db.execute(
                "SELECT id FROM people WHERE name = ?", (person_name(name),)
            ).fetchone()
            if row is None:
                some = [each for (each,) in db.execute("SELECT name FROM people LIMIT 6")]
                (people,) = db.execute("SELECT count(*) FROM people").fetchone()
                listed = some_of(some, total=people)
                raise OptionError(
                    f"nobody called {name!r} is enrolled"
                    + (f"; there are: {listed}" if some else ": the gallery is empty")
                )
            count = db.execute("SELECT count(*) FROM photos WHERE person = ?", row).fetchone()[0]
            db.execute("DELETE FROM people WHERE id = ?", row)
            db.execute("INSERT INTO removals(person) VALUES (?)", row)
            db.execute("UPDATE state SET revision = revision + 1")
        self._forget()
        return int(count)

    def find(self, name: str, fingerprint: bytes | None = None) -> list[Held]:
        """Returns the enrolled photos that somebody means; see `rehouse.find_photos`."""
        with explained(self.file):
            return find_photos(self._db, name, fingerprint)

    def give(self, photos: Sequence[Held], person: str | None) -> None:
        """Gives enrolled photos to another person, or to nobody: then they are gone.

        Args:
            photos: From `find`.
            person: New or known.

        Raises:
            OutputError: If the disk refuses.
        """
        chosen = {each.id for each in photos}
        new = None if person is None else person_name(person)
        with self._transaction() as db:
            marks = ", ".join("?" * len(chosen))
            owners = db.execute(
                f"SELECT DISTINCT person FROM photos WHERE id IN ({marks})", tuple(chosen)
            ).fetchall()
            rehouse(
                db, [row[0] for row in owners],
                lambda photo, name: new if photo in chosen else name,
            )  # fmt: skip
            db.execute("UPDATE state SET revision = revision + 1")
        self._forget()

    def _forget(self) -> None:
        # The journal still holds the old pages: a face that was removed shall be gone.
        with explained(self.file):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def owner_of(self, fingerprints: Sequence[bytes]) -> dict[bytes, str]:
        """Returns fingerprint -> person, for those photos that are enrolled."""
        found = {}
        with explained(self.file):
            for each in fingerprints:
                row = self._db.execute(
                    "SELECT name FROM photos JOIN people ON people.id = person "
                    "WHERE fingerprint = ?",
                    (each,),
                ).fetchone()
                if row is not None:
                    found[each] = str(row[0])
        return found

    def counts(self) -> dict[str, int]:
        """Returns person -> number of photos, by name."""
        with explained(self.file):
            rows = self._db.execute(
                "SELECT name, count(*) FROM photos JOIN people ON people.id = person "
                "GROUP BY person ORDER BY name"
            ).fetchall()
        return dict(rows)

    def changed(self) -> bool:
        """Tells, in microseconds, whether another process has committed since the last call."""
        with explained(self.file):
            version = int(self._db.execute("PRAGMA data_version").fetchone()[0])
        fresh = version != self._data_version
        self._data_version = version
        return fresh

    def changes(self, since: Mark | None = None) -> Changes:
        """Reads what is new, in one transaction: people, vectors and calibration fit together.

        Args:
            since: The mark of the last call; None for everything.

        Raises:
            ModelError: If the file is damaged.
        """
        with self._reading():
            return read_changes(self._db, self.file, self.dimension, since or Mark())

    def everything(self) -> tuple[Changes, list[dict[str, str]]]:
        """Returns all that is enrolled, and the attributes of every photo in the same order."""
        with self._reading():
            changes = read_changes(self._db, self.file, self.dimension, Mark())
            rows = self._db.execute("SELECT attributes FROM photos ORDER BY id").fetchall()
            known = {text: attributes_of(text, self.file) for text in {text for (text,) in rows}}
        return changes, [known[text] for (text,) in rows]

    def calibrate(
        self, calibration: dict[str, Any] | None, *, revision: int, settings: dict[str, Any]
    ) -> bool:
        """Keeps a calibration, unless one of later people and photos is there already.

        Args:
            calibration: As JSON.
            revision: `Changes.mark.revision` of what it was computed from.
            settings: What it was computed with; becomes the gallery's.

        Returns:
            Whether it was kept.
        """
        with self._transaction() as db:
            if state_of(db, self.file, "calibrated")[0] > revision:
                return False
            db.execute(
                "UPDATE state SET calibration = ?, calibrated = ?, settings = ?",
                (
                    None if calibration is None else json.dumps(calibration, ensure_ascii=False),
                    revision,
                    json.dumps(settings),
                ),
            )
        return True

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """One view of the file, whatever others commit meanwhile."""
        with explained(self.file):
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with explained(self.file):
            self._db.execute("BEGIN IMMEDIATE")  # waits for its turn here, and nowhere else
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
