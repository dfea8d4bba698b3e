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
from headstart.gallery.rows import Added, Changes, Mark, Photo

__all__ = ["Store"]

_APPLICATION = 0x48534758  # "HSGX": told from any other SQLite file
_VERSION = 1
_WAIT_SECONDS = 30.0
_NORM = 1e-3  # how far from 1 the length of a stored vector may be
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


class Store:
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
        with self._explained():
            self._db = _connect(file, write=write)
            kind = self._db.execute("PRAGMA application_id").fetchone()[0]
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if kind != _APPLICATION:
            self._db.close()
            raise ModelError(f"{file} is not the index of a gallery: copy the folder anew")
        if version > _VERSION:
            self._db.close()
            raise ModelError(
                f"{file} was written by a newer headstart (format {version}, this one knows "
                f"{_VERSION}): upgrade headstart"
            )
        with self._explained():
            self.dimension = int(self._state("dimension")[0])

    @classmethod
    def create(cls, file: Path, *, dimension: int, settings: dict[str, Any]) -> None:
        """Writes an empty index.

        Args:
            file: Not there yet.
            dimension: D of its vectors.
            settings: See `Changes.settings`.

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
                db.execute(f"PRAGMA application_id={_APPLICATION}")
                db.execute(f"PRAGMA user_version={_VERSION}")
                db.execute("COMMIT")
            finally:
                db.close()
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {file} ({error})") from None

    def close(self) -> None:
        """Closes it; the last to do so folds the journal into the file."""
        self._db.close()

    def __enter__(self) -> Store:
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
            db.execute("INSERT OR IGNORE INTO people(name) VALUES (?)", (name,))
            (person,) = db.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
            for photo, attributes, vector in rows:
                other = db.execute(
                    "SELECT name FROM photos JOIN people ON people.id = person "
                    "WHERE fingerprint = ?",
                    (photo.fingerprint,),
                ).fetchone()
                if other is None:
                    db.execute(
                        "INSERT INTO photos(person, photo, fingerprint, attributes, vector) "
                        "VALUES (?, ?, ?, ?, ?)",
                        (person, photo.name, photo.fingerprint, attributes, vector),
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
                    (person,),
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
        with self._explained():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(count)

    def owner_of(self, fingerprints: Sequence[bytes]) -> dict[bytes, str]:
        """Returns fingerprint -> person, for those photos that are enrolled."""
        found = {}
        with self._explained():
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
        with self._explained():
            rows = self._db.execute(
                "SELECT name, count(*) FROM photos JOIN people ON people.id = person "
                "GROUP BY person ORDER BY name"
            ).fetchall()
        return dict(rows)

    def changed(self) -> bool:
        """Tells, in microseconds, whether another process has committed since the last call."""
        with self._explained():
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
        with self._explained():
            self._db.execute("BEGIN")
            try:
                return self._read(since or Mark())
            finally:
                self._db.execute("ROLLBACK")

    def everything(self) -> tuple[Changes, list[dict[str, str]]]:
        """Returns all that is enrolled, and the attributes of every photo in the same order."""
        with self._explained():
            self._db.execute("BEGIN")
            try:
                changes = self._read(Mark())
                rows = self._db.execute("SELECT attributes FROM photos ORDER BY id").fetchall()
            finally:
                self._db.execute("ROLLBACK")
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
            raise self._damaged(f"photo {rows[int(np.argmin(sound))][0]} is not a vector any more")
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
            raise self._damaged("its state is missing")
        return tuple(row)

    def _vectors(self, blobs: list[bytes]) -> np.ndarray:
        if any(len(blob) != 4 * self.dimension for blob in blobs):
            raise self._damaged("a vector has another length")
        flat = np.frombuffer(b"".join(blobs), "<f4")
        return flat.reshape(-1, self.dimension).astype(np.float32, copy=False)

    def _damaged(self, why: str) -> ModelError:
        return ModelError(
            f"{self.file} is damaged ({why}): copy the gallery anew, or enroll again elsewhere"
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained():
            self._db.execute("BEGIN IMMEDIATE")  # waits for its turn here, and nowhere else
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns SQLite's errors into ours."""
        try:
            yield
        except sqlite3.OperationalError as error:
            text = str(error)
            if "locked" in text:
                raise OutputError(
                    f"{self.file} is being written by another process for more than "
                    f"{_WAIT_SECONDS:.0f} s: try again"
                ) from None
            if "no such" in text:
                raise self._damaged(text) from None
            raise OutputError(
                f"{self.file} cannot be used ({text}): is the disk full, or may this folder not "
                f"be written?"
            ) from None
        except (sqlite3.DatabaseError, json.JSONDecodeError) as error:
            raise self._damaged(str(error)) from None


def _connect(file: Path, *, write: bool) -> sqlite3.Connection:
    """Opens the file; where the folder may not be written, as one that nobody changes."""
    place = file.absolute().as_uri()
    # Even a reader of WAL writes the journal's index, so read-only folders need another way in.
    if not write and not os.access(file.parent, os.W_OK):
        if Path(f"{file}-wal").exists() and Path(f"{file}-wal").stat().st_size:
            place += "?mode=ro"
        else:
            place += "?immutable=1"
    else:
        place += "?mode=rw"
    db = sqlite3.connect(place, uri=True, isolation_level=None, timeout=_WAIT_SECONDS)
    try:
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


def _of_length_one(vectors: np.ndarray) -> np.ndarray:
    """(N,) bool; what is damaged has another length, or is no number."""
    with np.errstate(all="ignore"):
        lengths = np.einsum("nd,nd->n", vectors, vectors)
    return np.abs(lengths - 1) < _NORM
