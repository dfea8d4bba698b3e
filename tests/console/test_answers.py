"""Tables of predictions, for people and for machines."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from headstart.console.answers import show_predictions, show_predictions_csv
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
        ["unsure.png", "not sure", "0.400"],
        ["broken.png", "truncated [file]"],
    ]


def test_numbers_have_no_column_of_probabilities(console, cells):
    show_predictions(AGES, console, 3)
    assert cells() == [
        ["image", "answer"],
        ["a.png", "34.2 (90 %: 29.5 to 41)"],
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
