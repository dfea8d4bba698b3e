"""Annotations as kinds of values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from headstart.options.kinds import (
    convert_value,
    from_text,
    in_memory,
    joined_words,
    kind_of,
    near,
    shown,
)

SIZE = kind_of(int | Literal["auto"])
RATE = kind_of(float | Literal["auto"] | None)
VIEWS = kind_of(Literal[1, 2, 3])
SHAPE = kind_of(Literal["square", "crop"])
MANY = kind_of(str | Path | Iterable[str | Path])


def test_what_annotations_mean():
    assert (SIZE.number, SIZE.choices, SIZE.optional) == (int, ("auto",), False)
    assert (RATE.number, RATE.optional) == (float, True)
    assert kind_of(bool).flag
    assert (MANY.path, MANY.many, MANY.text) == (True, True, False)
    assert kind_of(str | None).text


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        (SIZE, 224, 224),
        (SIZE, "auto", "auto"),
        (SIZE, np.int64(3), 3),
        (RATE, 1, 1.0),
        (RATE, np.float32(0.5), 0.5),
        (RATE, None, None),
        (VIEWS, 2, 2),
        (VIEWS, np.int32(2), 2),
        (kind_of(bool), True, True),
        (MANY, "a", "a"),
        (MANY, Path("a"), Path("a")),
        (MANY, iter(["a", Path("b")]), ("a", Path("b"))),
    ],
)
def test_values_come_back_in_their_type(kind, value, result):
    found = convert_value(kind, value)
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (SIZE, True, "give auto or a whole number"),
        (SIZE, 2.5, "give auto or a whole number"),
        (SIZE, "224", "give auto or a whole number"),
        (SIZE, "autto", "give auto or a whole number; did you mean auto?"),
        (SIZE, None, "give auto or a whole number"),
        (RATE, float("nan"), "give auto or a number"),
        (RATE, float("inf"), "give auto or a number"),
        (VIEWS, 4, "choose 1, 2 or 3"),
        (VIEWS, True, "choose 1, 2 or 3"),
        (SHAPE, "sqare", "choose square or crop; did you mean square?"),
        (kind_of(bool), 1, "give true or false"),
        (kind_of(str), 3, "give text"),
        (kind_of(str | Path), 3, "give a path"),
        (MANY, b"a", "give a path, or several"),
        (MANY, ["a", 3], "give a path, or several"),
    ],
)
def test_other_values_are_refused_with_what_to_give(kind, value, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        convert_value(kind, value)


def test_words_of_the_command_line():
    assert from_text(SIZE, "224") == 224
    assert from_text(SIZE, "auto") == "auto"
    assert from_text(SIZE, "2.5") == "2.5"
    assert from_text(RATE, "1e-3") == 1e-3
    assert from_text(VIEWS, "2") == 2
    assert from_text(MANY, "3") == "3"


def test_near_and_joined():
    assert near("--fold", ["--folds", "--seed"]) == "; did you mean --folds?"
    assert near("zebra", ["--folds"]) == ""
    assert [joined_words(list(each)) for each in ("", "a", "ab", "abc")] == [
        "",
        "a",
        "a or b",
        "a, b or c",
    ]


class Frame:
    shape = (2, 3)

    def to_csv(self): ...

    def __str__(self):
        return "  path label\n0 a.jpg ants"


def test_what_is_large_is_named_in_one_line_and_told_where_to_go():
    assert shown("photos") == "photos"
    assert shown(Frame()) == "a Frame (2, 3)"
    assert shown([0] * 1000) == "a list of 1,000"
    assert in_memory("photos") == in_memory(3) == ""
    assert "to_csv" in in_memory(Frame())
    assert "read from files" in in_memory(np.zeros(3))
