import numpy as np
import pytest

from headstart.data.tables.spellings import join_spellings


@pytest.mark.parametrize(
    ("given", "wanted", "said"),
    [
        (["Canon", "canon", "Canon ", "Nikon"], ["Canon"] * 3 + ["Nikon"], "Canon also written"),
        (["Zoe\u0308", "Zo\u00eb", "Zo\u00eb"], ["Zo\u00eb"] * 3, "also written"),
        (["\uff21", "A", "A"], ["A"] * 3, "A also written \uff21"),
        (["yes", "TRUE", "yes", "0", "no", "0"], ["yes"] * 3 + ["no"] * 3, "no also written 0"),
        (["1", "1.0", "1", "2"], ["1", "1", "1", "2"], "1 also written 1.0"),
    ],
)  # fmt: skip
def test_values_that_differ_in_spelling_only_are_one(given, wanted, said):
    found, note = join_spellings(np.array(given))
    assert found.tolist() == wanted
    assert said in note


@pytest.mark.parametrize(
    "cells", [["1", "0"], ["yes", "no", "maybe"], ["a", "b", ""], ["on", "off"], ["", ""]]
)
def test_values_that_differ_stay(cells):
    cells = np.array(cells)
    found, note = join_spellings(cells)
    assert found.tolist() == cells.tolist()
    assert note == ""


def test_of_many_the_first_are_said():
    cells = np.array([f"{name}{number}" for number in range(6) for name in ("a", "A")])
    _, note = join_spellings(cells)
    assert note.endswith("and 3 more")
    assert note.count("also written") == 3
    assert "and 2 more" in join_spellings(np.array(["yes", "Yes", "YES", "yEs", "yeS", "YeS"]))[1]
