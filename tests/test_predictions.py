"""Answers of every kind: as fields, in words, in parts, one after the other."""

import numpy as np
import pytest

from headstart.predictions import (
    ClassProbabilities,
    Identities,
    Intervals,
    columns_of,
    predictions_html,
)
from headstart.stacking import concatenate

NAMES = ("a.png", "b.png", "c.png")
NAN = np.nan


def classes(**more):
    rows = np.array([[0.7, 0.2, 0.1], [NAN, NAN, NAN], [0.1, 0.45, 0.45]])
    errors = {"b.png": "a text file"}
    return ClassProbabilities(NAMES, ("name", "truth", "<b>"), rows, errors, **more)


def identities(**more):
    rows = np.array([[0.97, 0.03], [0.4, 0.6], [NAN, NAN]])
    return Identities(NAMES, ("Ann", "Bo"), rows, {"c.png": "truncated"}, **more)


def numbers(**more):
    return Intervals(
        NAMES, np.array([34.0, NAN, -1.5]), np.array([29.0, NAN, -2.0]),
        np.array([41.0, NAN, 3.0]), 0.9, "age", {"b.png": "empty"}, **more,
    )  # fmt: skip


ALL = (classes, identities, numbers)


def test_classes_as_fields_and_in_words():
    found = classes(threshold=0.5)
    assert found.labels.tolist() == [0, -1, 1]
    assert found.confidences[[0, 2]].tolist() == [0.7, 0.45]
    assert found.record(0) == {
        "name": "a.png", "class": "name", "probability": 0.7, "sure": True,
        "probabilities": {"name": 0.7, "truth": 0.2, "<b>": 0.1},
    }  # fmt: skip
    assert found.record(1) == {"name": "b.png", "error": "a text file"}
    assert found.record(2)["sure"] is False
    assert [found.text(i) for i in range(3)] == ["name 70%", "a text file", "not sure"]


def test_identities_as_fields_and_in_words():
    found = identities(threshold=0.9)
    assert found.record(0)["identity"] == "Ann"
    assert found.record(1)["sure"] is False
    assert found.record(1)["probabilities"] == {"Ann": 0.4, "Bo": 0.6}
    assert found.record(2) == {"name": "c.png", "error": "truncated"}
    assert [found.text(i) for i in range(3)] == ["Ann 97%", "not sure", "truncated"]


def test_numbers_as_fields_and_in_words():
    found = numbers()
    assert found.record(0) == {"name": "a.png", "number": 34.0, "low": 29.0, "high": 41.0}
    assert found.record(1) == {"name": "b.png", "error": "empty"}
    assert [found.text(i) for i in range(3)] == [
        "34 (90%: 29 to 41)",
        "empty",
        "-1.5 (90%: -2 to 3)",
    ]


@pytest.mark.parametrize("make", ALL)
def test_what_could_not_be_read_has_no_answer(make):
    found = make()
    assert [name for name, ok in zip(NAMES, found.answered, strict=True) if not ok] == list(
        found.errors
    )


@pytest.mark.parametrize("make", ALL)
def test_parts_and_parts_put_together(make):
    boxes = np.array([[1, 2, 30, 40], [NAN] * 4, [0.04, 0, 5, 6]])
    found = make(boxes=boxes)
    some = found.take(np.array([2, 0]))
    assert some.names == ("c.png", "a.png")
    assert [some.record(i) for i in range(2)] == [found.record(2), found.record(0)]
    assert set(some.errors) == set(found.errors) & {"a.png", "c.png"}
    masked = found.take(np.array([False, True, False]))
    assert masked.names == ("b.png",)
    assert len(masked) == 1
    whole = concatenate([some, masked])
    assert whole.names == ("c.png", "a.png", "b.png")
    assert whole.errors == found.errors
    assert whole.boxes.shape == (3, 4)
    back = whole.take(np.array([1, 2, 0]))
    assert [back.record(i) for i in range(3)] == [found.record(i) for i in range(3)]
    assert len(found.take(np.array([], int))) == 0


def test_a_box_is_told_where_there_is_one():
    boxes = np.array([[1.26, 2, 30, 40], [5, 6, 7, 8], [NAN] * 4])
    found = classes(boxes=boxes)
    assert found.record(0)["box"] == [1.3, 2.0, 30.0, 40.0]
    assert found.record(1) == {"name": "b.png", "box": [5.0, 6.0, 7.0, 8.0], "error": "a text file"}
    assert "box" not in found.record(2)
    assert columns_of(found.record(0))["box"] == "1.3 2.0 30.0 40.0"


def test_classes_that_are_called_as_columns_are_keep_theirs():
    flat = columns_of(classes().record(0))
    assert flat == {
        "name": "a.png", "class": "name", "probability": 0.7, "sure": True,
        "p(name)": 0.7, "p(truth)": 0.2, "p(<b>)": 0.1,
    }  # fmt: skip


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"probabilities must be \(1, 2\), got \(1, 3\)"):
        ClassProbabilities(("a",), ("x", "y"), np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"low must be \(1,\)"):
        Intervals(("a",), np.ones(1), np.ones(2), np.ones(1))
    with pytest.raises(ValueError, match=r"boxes must be \(3, 4\)"):
        identities(boxes=np.ones((3, 2)))


def test_notebooks_get_a_table_that_escapes_names():
    found = ClassProbabilities(("<i>.png",), ("<b>",), np.ones((1, 1)))
    assert "<td>&lt;i&gt;.png</td><td>&lt;b&gt; 100%</td>" in found._repr_html_()
    many = ClassProbabilities(tuple(map(str, range(51))), ("x",), np.ones((51, 1)))
    assert "the first 50 of 51" in predictions_html(many)
    assert repr(numbers()) == "Intervals(3 items; age, 90% intervals)"
