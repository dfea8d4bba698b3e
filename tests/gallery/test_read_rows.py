"""Rows that are damaged are one line, whatever the damage."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from tests.gallery.people import SETTINGS, new_store, photos_of

from headstart.errors import ModelError
from headstart.gallery.index import IndexStore
from headstart.gallery.read_rows import attributes_of, of_length_one, read_changes, state_of
from headstart.gallery.rows import Mark


@pytest.fixture
def file(tmp_path) -> Path:
    with new_store(tmp_path) as store:
        store.enroll("Ann", photos_of("Ann"))
    return tmp_path / "index.sqlite"


def change(file: Path, statement: str, *values: object) -> None:
    db = sqlite3.connect(file)
    db.execute(statement, values)
    db.commit()
    db.close()


@pytest.mark.parametrize("since", [Mark(), Mark(photo=2, person=1)])
def test_what_is_new(file, since):
    db = sqlite3.connect(file)
    found = read_changes(db, file, 16, since)
    assert (found.settings, found.stale, found.mark.photo) == (SETTINGS, True, 3)
    assert len(found.vectors) == len(found.owners) == 3 - since.photo
    assert state_of(db, file, "dimension, revision") == (16, 1)
    db.close()


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("UPDATE state SET dimension = ?", "x"),
        ("UPDATE state SET dimension = ?", -1),
        ("UPDATE state SET dimension = ?", 10**12),
        ("UPDATE state SET settings = ?", "[" * 100_000),
        ("UPDATE state SET settings = ?", "{}"),
        ("UPDATE state SET settings = ?", json.dumps(SETTINGS | {"k": "2"})),
        ("UPDATE state SET settings = ?", json.dumps(SETTINGS | {"far": None})),
        ("UPDATE state SET settings = ?", json.dumps(SETTINGS | {"method": "evil"})),
        ("UPDATE state SET settings = ?", 3),
        ("UPDATE state SET calibration = ?", "[" * 100_000),
        ("UPDATE state SET calibration = ?", "{"),
        ("UPDATE people SET name = ?", b"\xff\xfe"),
        ("UPDATE photos SET vector = ?", "text"),
        ("UPDATE photos SET vector = ?", 5),
        ("DELETE FROM state WHERE id = ?", 1),
        ("UPDATE state SET revision = ?", "x"),
        ("UPDATE state SET calibrated = ?", "x"),
        ("UPDATE people SET name = ?", ""),
        ("UPDATE photos SET person = ?", 99),
        ("UPDATE photos SET person = ?", "x"),
        ("UPDATE photos SET person = 99 WHERE id = ?", 2),
        ("DELETE FROM people WHERE id = ?", 1),
    ],
)
def test_damage_is_one_line(file, statement, value):
    change(file, statement, value)
    with pytest.raises(ModelError, match="damaged") as caught, IndexStore(file) as store:
        store.changes()
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("value", [3, "[", "[1]", "3", '{"age": 3}', '{"age": {}}', "[" * 100_000])
def test_what_is_known_of_photos_is_one_line_too(file, value):
    """Whoever searches does not need it; whoever calibrates does."""
    change(file, "UPDATE photos SET attributes = ? WHERE id = 2", value)
    with IndexStore(file) as store:
        store.changes()
        with pytest.raises(ModelError, match="damaged") as caught:
            store.everything()
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)
    assert attributes_of('{"age": "3"}', file) == {"age": "3"}


def test_length():
    vectors = np.array([[1, 0], [0.6, 0.8], [1, 1], [0, 0], [np.nan, 1]], np.float32)
    assert of_length_one(vectors).tolist() == [True, True, False, False, False]
