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
from headstart.gallery.database import APPLICATION, VERSION, connect, damaged, explained
from headstart.gallery.rows import Added, Changes, Mark, Photo

__all__ = ["IndexStore"]

_NORM = 1e-3  # how far from 1 the length of a stored vector may be


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
        with explained(self.file):
            self.dimension = int(self._state("dimension")[0])

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
            name: The person, new or known.
            photos: Vectors of the index's dimension.

        Raises:
            ValueError: If a vector has another shape or is not of length 1.
            OutputError: If the disk refuses, or another process writes for half a minute.
        """
        rows = []
        for each in photos:
            vector = np.ascontiguousarray(each.vector, "<f4")
            if vector.shape != (self.dimension,) or not _of_length_one(vector[None]).all():
                raise ValueError(f"{each.name}: need ({self.dimension},) of length 1")
            # Sorted, so that equal attributes are equal text.
            text = json.dumps(each.attributes, sort_keys=True, ensure_ascii=False)
            rows.append((each, text, vector.tobytes()))
        added, known, elsewhere = [], [], {}
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
            row = db.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
            if row is None:
                some = [each for (each,) in db.execute("SELECT name FROM people LIMIT 6")]
                listed = ", ".join(some[:5]) + (", …" if len(some) > 5 else "")
                raise OptionError(
                    f"nobody called {name!r} is enrolled"
                    + (f"; there are: {listed}" if some else ": the gallery is empty")
                )
            count = db.execute("SELECT count(*) FROM photos WHERE person = ?", row).fetchone()[0]
            db.execute("DELETE FROM people WHERE id = ?", row)
            db.execute("INSERT INTO removals(person) VALUES (?)", row)
            db.execute("UPDATE state SET revision = revision + 1")
        # The journal still holds the old pages: a face that was removed shall be gone.
        with explained(self.file):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(count)

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
            return self._read(since or Mark())

    def everything(self) -> tuple[Changes, list[dict[str, str]]]:
        """Returns all that is enrolled, and the attributes of every photo in the same order."""
        with self._reading():
            changes = self._read(Mark())
            rows = self._db.execute("SELECT attributes FROM photos ORDER BY id").fetchall()
            known = {text: json.loads(text) for text in {text for (text,) in rows}}
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
            if self._state("calibrated")[0] > revision:
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

    def _read(self, seen: Mark) -> Changes:
        db = self._db
        revision, calibrated, settings, calibration = self._state(
            "revision, calibrated, settings, calibration"
        )
        removed = db.execute(
            "SELECT id, person FROM removals WHERE id > ? ORDER BY id", (seen.removal,)
        ).fetchall()
        people = dict(
            db.execute("SELECT id, name FROM people WHERE id > ?", (seen.person,)).fetchall()
        )
        rows = db.execute(
            "SELECT id, person, vector FROM photos WHERE id > ? ORDER BY id", (seen.photo,)
        ).fetchall()
        vectors = self._vectors([row[2] for row in rows])
        sound = _of_length_one(vectors)
        if not sound.all():
            raise damaged(
                self.file, f"photo {rows[int(np.argmin(sound))][0]} is not a vector any more"
            )
        mark = Mark(
            photo=max([seen.photo, *(row[0] for row in rows[-1:])]),
            person=max([seen.person, *people]),
            removal=max([seen.removal, *(row[0] for row in removed[-1:])]),
            revision=revision,
        )
        return Changes(
            removed=tuple(person for _, person in removed),
            people=people,
            owners=np.array([row[1] for row in rows], np.int64),
            vectors=vectors,
            calibration=None if calibration is None else json.loads(calibration),
            stale=calibrated != revision,
            settings=json.loads(settings),
            mark=mark,
        )

    def _state(self, columns: str) -> tuple[Any, ...]:
        row = self._db.execute(f"SELECT {columns} FROM state").fetchone()
        if row is None:
            raise damaged(self.file, "its state is missing")
        return tuple(row)

    def _vectors(self, blobs: list[bytes]) -> np.ndarray:
        if any(len(blob) != 4 * self.dimension for blob in blobs):
            raise damaged(self.file, "a vector has another length")
        flat = np.frombuffer(b"".join(blobs), "<f4")
        return flat.reshape(-1, self.dimension).astype(np.float32, copy=False)

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


def _of_length_one(vectors: np.ndarray) -> np.ndarray:
    """(N,) bool; what is damaged has another length, or is no number."""
    with np.errstate(all="ignore"):
        lengths = np.einsum("nd,nd->n", vectors, vectors)
    return np.abs(lengths - 1) < _NORM
