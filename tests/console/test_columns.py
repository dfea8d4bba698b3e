"""Tables that fit a terminal: paths are cut in front, and no word is broken."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from headstart.console.columns import cut_in_front, names_table, words_cut

HEADS = ("photo", "person", "score", "most similar")


@pytest.mark.parametrize(
    ("path", "width", "short"),
    [
        ("a/b.jpg", 7, "a/b.jpg"),
        ("lfw/Tony_Blair/Tony_Blair_0001.jpg", 21, "…/Tony_Blair_0001.jpg"),
        ("lfw/Tony_Blair/Tony_Blair_0001.jpg", 32, "…/Tony_Blair/Tony_Blair_0001.jpg"),
        ("Tony_Blair_0001.jpg", 9, "…0001.jpg"),
        ("漢字漢字.jpg", 8, "…字.jpg"),
    ],
)
def test_the_end_of_a_path_says_most(path, width, short):
    assert cut_in_front(path, width) == short


@given(st.text(min_size=1), st.integers(4, 40))
def test_it_always_fits(path, width):
    assert cell_len(cut_in_front(path, width)) <= width


def printed(rows, width: int, **how) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    cells = [[Text(each) for each in row] for row in rows]
    console.print(names_table(console, HEADS[: len(rows[0])], cells, right=("score",), **how))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


PHOTO = "/data/people/lfw/Arnold_Schwarzenegger/Arnold_Schwarzenegger_0001.jpg"
WHO = (PHOTO, "Arnold_Schwarzenegger", "0.934", "Arnold_Schwarzenegger 0.934, Tony_Blair 0.100")


def test_what_does_not_fit_goes_below_the_person():
    lines = printed([WHO], 80, under="most similar")
    assert lines[0].split() == ["photo", "person", "score"]
    assert lines[1].split() == [
        "…/Arnold_Schwarzenegger_0001.jpg",
        "Arnold_Schwarzenegger",
        "0.934",
    ]
    assert [line.strip() for line in lines[2:]] == ["Tony_Blair 0.100"], "who is named is not again"
    assert max(map(len, lines)) <= 80


def test_a_pipe_and_a_wide_terminal_get_all_of_it():
    for width in (160, 10_000):
        _, line = printed([WHO], width, under="most similar")
        assert line.split() == " ".join(WHO).split()


@pytest.mark.parametrize("width", [60, 80, 100])
def test_sentences_wrap_at_words(width):
    why = "this file is no image that can be read: broken_at_the_very_beginning of its data"
    lines = printed([(PHOTO, why, "")], width)
    assert max(map(len, lines)) <= width
    words = " ".join(lines[1:]).split()
    assert [word for word in words if not word.startswith("…")] == why.split()


def test_words_longer_than_a_line_are_cut_in_front():
    assert words_cut(Text(f"see {PHOTO} there"), 34).plain == (
        "see …/Arnold_Schwarzenegger_0001.jpg there"
    )
    text = Text("short words", style="dim")
    assert words_cut(text, 20) is text
