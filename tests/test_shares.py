"""What answers that are shares have in common."""

from __future__ import annotations

import numpy as np

from headstart import shares
from headstart.predictions import ClassProbabilities


def answers(*rows):
    return ClassProbabilities(tuple("abc"[: len(rows)]), ("x", "y"), np.array(rows), {}, None, 0.6)


def test_most_probable():
    rows = np.array([[0.2, 0.8], [np.nan, np.nan], [0.5, 0.5]])
    assert shares.most_probable(rows).tolist() == [1, -1, 0]


def test_record_and_text_of_sure_unsure_and_unreadable():
    found = answers([0.2, 0.8], [0.55, 0.45], [np.nan, np.nan])
    assert shares.record(found, "class", found.classes, 0) == {
        "name": "a", "class": "y", "probability": 0.8, "sure": True,
        "probabilities": {"x": 0.2, "y": 0.8},
    }  # fmt: skip
    assert not shares.record(found, "class", found.classes, 1)["sure"]
    assert shares.record(found, "class", found.classes, 2) == {"name": "c", "error": "unreadable"}
    texts = [shares.text(found, found.classes, i) for i in range(3)]
    assert texts == ["y 80%", "not sure", "unreadable"]


def test_ties_agree_and_other_answers_do_not():
    one = answers([0.5, 0.5], [0.9, 0.1], [np.nan, np.nan])
    other = answers([0.4999, 0.5001], [0.1, 0.9], [0.5, 0.5])
    assert shares.agree(one, other).tolist() == [True, False, False]
    assert shares.agree(one, one).all()


def test_a_box_is_told_where_there_is_one():
    boxes = np.array([[1, 2, 3, 4.06], [np.nan] * 4])
    found = ClassProbabilities(("a", "b"), ("x",), np.ones((2, 1)), {}, boxes)
    assert shares.place(found, 0) == {"name": "a", "box": [1.0, 2.0, 3.0, 4.1]}
    assert shares.place(found, 1) == {"name": "b"}
