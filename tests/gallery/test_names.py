"""One person however the name is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.gallery.names import case_twins, one_spelling, person_name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("José", "José"), ("강아지".encode().decode(), "강아지"), (" Anna ", "Anna"),
        ("Anna\u00a0 Maria\n", "Anna Maria"), ("anna", "anna"), ("O'Brien", "O'Brien"),
    ],
)  # fmt: skip
def test_one_spelling_of_a_name(given, name):
    assert person_name(given) == name
    assert person_name(name) == name


def test_decomposed_hangul_is_composed():
    import unicodedata

    assert person_name(unicodedata.normalize("NFD", "강아지")) == "강아지"


def test_labels_of_one_person_become_one(tmp_path: Path):
    given = ("Anna", "Anna ", "Jose\u0301", "Jos\u00e9")
    labels = Classes(given, np.array([3, 0, 1, 2, 1]))
    data = Dataset(tmp_path, tuple("abcde"), labels, np.array([""] * 5, "U5"))
    found = one_spelling(data).labels
    assert found.names == ("Anna", "Jos\u00e9")
    assert [found.text(i) for i in range(5)] == ["Jos\u00e9", "Anna", "Anna", "Jos\u00e9", "Anna"]


def test_capitals_are_two_people_and_told():
    assert case_twins(["anna", "Bob", "Anna", "bob", "Cid"]) == [("Anna", "anna"), ("Bob", "bob")]
    assert case_twins(["Ann", "Anna"]) == []
