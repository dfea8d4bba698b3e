"""From the rows of an index to what a reader applies; what is damaged is named, never passed on."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, get_args

import numpy as np

from headstart.choices import Method
from headstart.gallery.database import damaged
from headstart.gallery.rows import Changes, Mark
from headstart.records import is_number

__all__ = ["attributes_of", "of_length_one", "read_changes", "state_of"]

_NORM = 1e-3  # how far from 1 the length of a stored vector may be


def read_changes(db: sqlite3.Connection, file: Path, dimension: int, seen: Mark) -> Changes:
    """Reads what is new since a mark, within a transaction.

    Args:
        db: The index.
        file: Its file, for errors.
        dimension: D of its vectors.
        seen: What the reader has.

    Raises:
        ModelError: If the file is damaged.
        sqlite3.Error: Likewise, as SQLite says it.
    """
    revision, calibrated, settings, calibration = state_of(
        db, file, "revision, calibrated, settings, calibration"
    )
    removed = db.execute(
        "SELECT id, person FROM removals WHERE id > ? ORDER BY id", (seen.removal,)
    ).fetchall()
    people = dict(db.execute("SELECT id, name FROM people WHERE id > ?", (seen.person,)).fetchall())
    rows = db.execute(
        "SELECT id, person, vector FROM photos WHERE id > ? ORDER BY id", (seen.photo,)
    ).fetchall()
    if not all(isinstance(each, str) and each for each in people.values()):
        raise damaged(file, "a name is no text any more")
    lost = db.execute(
        "SELECT id FROM photos WHERE id > ? AND person NOT IN (SELECT id FROM people)",
        (seen.photo,),
    ).fetchone()
    if lost is not None:
        raise damaged(file, f"photo {lost[0]} is of nobody who is enrolled")
    vectors = _vectors([row[2] for row in rows], file, dimension)
    sound = of_length_one(vectors)
    if not sound.all():
        raise damaged(file, f"photo {rows[int(np.argmin(sound))][0]} is not a vector any more")
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
        settings=_settings(settings, file),
        mark=mark,
    )


def state_of(db: sqlite3.Connection, file: Path, columns: str) -> tuple[Any, ...]:
    """Returns some columns of the one row that says how an index stands.

    Raises:
        ModelError: If it is missing.
    """
    row = db.execute(f"SELECT {columns} FROM state").fetchone()
    if row is None:
        raise damaged(file, "its state is missing")
    found = dict(zip(columns.split(", "), row, strict=True))
    for name in ("revision", "calibrated"):
        if not isinstance(found.get(name, 0), int):
            raise damaged(file, f"its {name} is {found[name]!r}")
    return tuple(row)


def attributes_of(text: str, file: Path) -> dict[str, str]:
    """Returns what is known of one photo, column -> value.

    Args:
        text: As it is stored.
        file: The index, for errors.

    Raises:
        ModelError: If it is something else.
    """
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise damaged(file, "what is known of a photo is no list of columns any more")
    return found


def of_length_one(vectors: np.ndarray) -> np.ndarray:
    """Returns (N,) bool; what is damaged has another length, or is no number."""
    with np.errstate(all="ignore"):
        lengths = np.einsum("nd,nd->n", vectors, vectors)
    return np.asarray(np.abs(lengths - 1) < _NORM)


def _settings(text: str, file: Path) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict) or found.get("method") not in get_args(Method):
        raise damaged(file, "its settings say no method that is known")
    k, far = found.get("k"), found.get("far")
    if not isinstance(k, int) or k < 1 or not is_number(far) or not 0 < float(far or 0) < 1:
        raise damaged(file, f"its settings are k {k!r} and far {far!r}")
    return found


def _vectors(blobs: list[bytes], file: Path, dimension: int) -> np.ndarray:
    if any(not isinstance(each, bytes) or len(each) != 4 * dimension for each in blobs):
        raise damaged(file, "a vector has another length")
    flat = np.frombuffer(b"".join(blobs), "<f4")
    return flat.reshape(-1, dimension).astype(np.float32, copy=False)
