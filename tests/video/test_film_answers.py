"""What is kept of a film of places."""

from __future__ import annotations

import dataclasses
import json

import numpy as np

from headstart.records import to_json
from headstart.video.film_answers import FilmAnswers, FilmObject


def answers(objects=()) -> FilmAnswers:
    records = ({"count": {"cat": 1, "dog": 0}}, {"count": {"cat": 0, "dog": 0}}, {"error": "cut"})
    return FilmAnswers(
        ("f @ 0.00 s", "f @ 0.10 s", "f (end)"), ("cat", "dog"), records,
        ("cat 1", "no object", "cut"), {"f (end)": "cut"}, objects,
    )  # fmt: skip


def test_it_answers_as_other_predictions_do():
    found = answers()
    assert len(found) == 3
    assert found.answered.tolist() == [True, True, False]
    assert found.answers().tolist() == ["cat 1", "no object", ""]
    assert found.record(0) == {"name": "f @ 0.00 s", "count": {"cat": 1, "dog": 0}}
    assert found.text(2) == "cut"
    part = found.take(np.array([0, 1]))
    assert part.errors == {}
    assert part.agrees(found.take(np.array([True, True, False]))).all()
    assert "<td>cat 1</td>" in found._repr_html_()


def test_objects_are_counted_by_class():
    cats = tuple(FilmObject(i, "cat", 0.0, 1.0, 5, 0.9, (0, 0, 9, 9)) for i in (1, 4))
    found = answers(cats)
    assert found.counts == {"cat": 2, "dog": 0}
    assert found.told == "followed: 2 cat"
    assert "followed: 2 cat" in repr(found)
    value = json.loads(to_json(found))
    assert value["count"] == {"cat": 2, "dog": 0}
    assert value["followed"][1] == {
        "number": 4, "class": "cat", "begun": 0.0, "seen": 1.0, "looks": 5, "score": 0.9,
        "box": [0, 0, 9, 9],
    }  # fmt: skip
    assert answers().told == "followed: no object"
    once = dataclasses.replace(found, glimpsed=2)
    assert once.told == "followed: 2 cat; not counted: 2 seen on one frame only"
    assert dataclasses.replace(found, glimpsed=3).told.endswith("(try a higher --fps)")
    assert answers(None).told == ""
    assert answers(None).counts == {}
    assert "count" not in json.loads(to_json(answers(None)))
