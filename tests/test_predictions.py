"""Answers of every kind: the same names, and one wording."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.predictions import (
    ClassProbabilities,
    Identities,
    Intervals,
    columns_of,
    concatenate,
    predictions_html,
)

NAN = np.nan
BOXES = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [NAN] * 4])
ROWS = np.array([[0.9, 0.1], [0.45, 0.55], [NAN, NAN]])
NAMES, WHY = ("a", "b", "c"), {"c": "the file is empty"}
KINDS = {
    "class": ClassProbabilities(NAMES, ("x", "y"), ROWS, WHY, BOXES, 0.6),
    "identity": Identities(NAMES, ("x", "y"), ROWS, WHY, BOXES, 0.6),
    "number": Intervals(
        NAMES, np.array([3.0, 5, NAN]), np.array([2.0, 4, NAN]), np.array([4.0, 9, NAN]),
        errors=WHY, boxes=BOXES,
    ),
}  # fmt: skip
EVERY = pytest.mark.parametrize("key", KINDS)


@EVERY
def test_a_record_names_its_answer_or_says_why_there_is_none(key):
    found = KINDS[key]
    assert len(found) == 3
    assert found.answered.tolist() == [True, True, False]
    assert found.record(0)[key] == found.answers()[0] == {"number": 3.0}.get(key, "x")
    assert found.record(0)["box"] == [1, 2, 3, 4]
    assert found.record(2) == {"name": "c", "error": "the file is empty"}
    assert found.text(2) == "the file is empty"


@EVERY
def test_some_of_them_keep_what_belongs_to_them(key):
    found = KINDS[key]
    some = found.take(np.array([False, True, True]))
    assert some.names == ("b", "c")
    assert some.errors == WHY
    assert found.take(np.array([1])).errors == {}
    assert some.record(0) == found.record(1)


@EVERY
def test_parts_are_put_together(key):
    found = KINDS[key]
    whole = concatenate([found.take(np.array([0])), found.take(np.array([1, 2]))])
    assert whole.names == found.names
    assert [whole.record(i) for i in range(3)] == [found.record(i) for i in range(3)]


@EVERY
def test_it_agrees_with_itself_and_not_with_another(key):
    found = KINDS[key]
    assert found.agrees(found).all()
    turned = found.take(np.array([1, 0, 2]))
    assert found.agrees(turned).tolist() == [False, False, True]


@EVERY
def test_shown_in_a_notebook(key):
    page = predictions_html(KINDS[key])
    assert page == KINDS[key]._repr_html_()
    assert page.count("<tr>") == 3
    assert "3" in repr(KINDS[key])


def test_words():
    assert [KINDS["class"].text(i) for i in (0, 1)] == ["x 90 %", "not sure"]
    assert KINDS["number"].text(1) == "5 (4 to 9)"


def test_numbers_close_by_agree_in_the_width_of_their_interval():
    ends = np.array([0.0]), np.array([10.0])
    first, near, far = (Intervals(("a",), np.array([x]), *ends) for x in (5.0, 5.4, 5.6))
    assert first.agrees(near).all()
    assert not first.agrees(far).any()


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="probabilities must be"):
        ClassProbabilities(("a",), ("x", "y"), np.ones((1, 3)))


def test_a_record_as_columns():
    flat = columns_of(KINDS["class"].record(0))
    assert flat["p(x)"] == 0.9
    assert flat["box"] == "1.0 2.0 3.0 4.0"
