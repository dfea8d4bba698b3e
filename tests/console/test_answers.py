"""Tables of predictions, for people and for machines."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from headstart.cells import csv_name
from headstart.console.answers import show_predictions, show_predictions_csv, unanswered
from headstart.gallery.identification import Answer, Identification
from headstart.predictions import ClassProbabilities, Intervals

ANIMALS = ClassProbabilities(
    ("sure.png", "unsure.png", "broken.png"),
    ("ant", "bee", "[cat]"),
    np.array([[0.1, 0.2, 0.7], [0.4, 0.25, 0.35], [np.nan] * 3]),
    {"broken.png": "truncated [file]"},
    threshold=0.5,
)
AGES = Intervals(
    ("a.png", "b.png"), np.array([34.25, np.nan]), np.array([29.5, np.nan]),
    np.array([41.0, np.nan]), errors={"b.png": "empty"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("top", "ranked"),
    [
        (1, [["sure.png", "[cat]", "0.700"]]),
        (2, [["sure.png", "[cat]", "0.700"], ["bee", "0.200"]]),
        (9, [["sure.png", "[cat]", "0.700"], ["bee", "0.200"], ["ant", "0.100"]]),
    ],
)
def test_the_likeliest_come_first_and_an_image_is_named_once(console, cells, top, ranked):
    show_predictions(ANIMALS, console, top)
    assert cells() == [
        ["image", "answer", "probability"],
        *ranked,
        ["unsure.png", "not sure: perhaps ant", "0.400"],
        ["broken.png", "truncated [file]"],
    ]


def test_numbers_have_no_column_of_probabilities(console, cells):
    show_predictions(AGES, console, 3)
    assert cells() == [
        ["image", "answer"],
        ["a.png", "34.2 (90%: 29.5 to 41)"],
        ["b.png", "empty"],
    ]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_machines_get_one_row_an_image(capsys):
    show_predictions_csv(ANIMALS, 2)
    sure, unsure, broken = rows_of(capsys.readouterr().out)
    assert list(sure) == [
        "name", "class", "probability", "sure", "choice2", "probability2", "error",
    ]  # fmt: skip
    assert list(sure.values()) == ["sure.png", "[cat]", "0.7", "True", "bee", "0.2", ""]
    assert list(unsure.values()) == ["unsure.png", "ant", "0.4", "False", "[cat]", "0.35", ""]
    assert list(broken.values()) == ["broken.png", "", "", "", "", "", "truncated [file]"]


def test_machines_get_one_choice_unless_they_ask_for_more(capsys):
    show_predictions_csv(ANIMALS, 1)
    assert not any("2" in name for name in rows_of(capsys.readouterr().out)[0])


def test_machines_get_the_ends_of_an_interval(capsys):
    show_predictions_csv(AGES, 1)
    first, second = rows_of(capsys.readouterr().out)
    assert first == {"name": "a.png", "number": "34.25", "low": "29.5", "high": "41", "error": ""}
    assert second == {"name": "b.png", "number": "", "low": "", "high": "", "error": "empty"}


def many(*answers: str, sure: float = 0.9) -> ClassProbabilities:
    kinds = sorted({each for each in answers if each} or {"ant"})
    shares = [
        [np.nan] * len(kinds) if not each else [sure if each == kind else 0.01 for kind in kinds]
        for each in answers
    ]
    names = tuple(f"{i}.png" for i in range(len(answers)))
    errors = {name: "empty" for name, each in zip(names, answers) if not each}
    return ClassProbabilities(names, tuple(kinds), np.array(shares), errors, threshold=0.5)


def test_many_answers_are_counted(console, lines, capsys):
    found = many(*["ant"] * 66, *["bee"] * 4, "", "")
    show_predictions(found, console, 1)
    assert lines()[-1] == "72 images: 66 ant, 4 bee, 2 without an answer"
    show_predictions_csv(found, 1)
    assert len(rows_of(capsys.readouterr().out)) == 72, "machines count for themselves"


@pytest.mark.parametrize(
    ("found", "last"),
    [
        (many(*["ant"] * 7, sure=0.4), "7 not sure"),
        (many(*(f"kind {at:02}" for at in range(14))), "1 kind 11, 2 others"),
        (
            Intervals(tuple("abcdef"), np.arange(6) + 0.5, np.zeros(6), np.ones(6) * 9, errors={}),
            "6 answers from 0.5 to 5.5",
        ),
    ],
)
def test_what_is_counted(console, lines, found, last):
    show_predictions(found, console, 1)
    assert lines()[-1].endswith(last)


def test_few_answers_need_no_count(console, lines):
    show_predictions(many("ant", "bee", "ant"), console, 1)
    assert len(lines()) == 4


def test_no_name_is_a_formula(capsys):
    odd = ("=cmd|' !A1", "@x", "-1", "plain")
    found = ClassProbabilities(odd, ("+2+3", "b"), np.array([[0.75, 0.25]] * 4))
    show_predictions_csv(found, 2)
    rows = rows_of(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["'=cmd|' !A1", "'@x", "-1", "plain"]
    assert [csv_name(row["name"]) for row in rows] == list(odd)
    assert {row["class"] for row in rows} == {"'+2+3"}


def test_where_nothing_was_answered_the_first_reason_is_said():
    assert unanswered(many("ant", "")) == ""
    assert unanswered(many("", "", "")) == ("nothing could be answered: 0.png: empty (and 2 more)")
    assert unanswered(AGES) == unanswered(None) == unanswered({"answers": 1}) == ""
    gone = Answer("a.png", None, None, error="no such file")
    known = Answer("b.png", "Ann", 0.9)
    asked = Identification("g", 0.5, None, (gone, known))
    assert unanswered(asked) == ""
    assert unanswered(replace(asked, answers=(gone,))) == (
        "nothing could be answered: a.png: no such file"
    )
    assert unanswered(replace(asked, answers=())) == ""
