"""Answers: who it is, who it is not, and how they are shown."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.gallery.identification import Answer, Identification, decide
from headstart.records import Estimate

FAR = Estimate(0.01, 0.0, 0.02, 500, "Wilson 95%")


def said(*answers: Answer) -> Identification:
    return Identification("club", 0.4, FAR, answers)


@pytest.mark.parametrize(
    ("ranked", "threshold", "wanted"),
    [
        ([], 0.5, (None, -1.0)),
        ([], -2.0, (None, -1.0)),
        ([("ann", 0.7)], 0.5, ("ann", 0.7)),
        ([("ann", 0.5)], 0.5, (None, 0.5)),  # above it, never at it
        ([("ann", 0.3), ("bob", 0.2)], 0.5, (None, 0.3)),
        ([("ann", 0.8), ("bob", 0.7)], 0.5, ("ann", 0.8)),
        ([("ann", -0.2)], -1.0, ("ann", -0.2)),
        ([("ann", 0.9)], math.inf, (None, 0.9)),
    ],
)
def test_deciding(ranked, threshold, wanted):
    assert decide(ranked, threshold) == wanted


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=6), st.floats(-1, 1), st.floats(0, 1))
def test_a_higher_threshold_never_names_more(scores, threshold, more):
    ranked = [(f"p{at}", score) for at, score in enumerate(sorted(scores, reverse=True))]
    low, high = decide(ranked, threshold), decide(ranked, threshold + more)
    assert low[1] == high[1] == max(scores)
    assert high[0] in (None, low[0])


def test_it_says_how_many_are_known():
    found = said(
        Answer("a.jpg", "ann", 0.8), Answer("b.jpg", None, 0.1), Answer("c.jpg", None, None)
    )
    assert repr(found) == "Identification(3 photos, 1 of people known)"
    assert not found.of_video
    assert repr(said()) == "Identification(0 photos, 0 of people known)"


def test_times_make_a_video():
    found = said(Answer("x face 1", "ann", 0.8, seconds=(0.0, 2.0), looks=4))
    assert found.of_video
    assert repr(found) == "Identification(1 faces of a video, 1 of people known)"


def test_as_a_table_nothing_runs():
    found = said(
        Answer("<a>.jpg", "Ann & Bob", 0.8),
        Answer("b.jpg", None, 0.1),
        Answer("c.jpg", None, None, error="no <face>"),
    )
    page = found._repr_html_()
    assert "&lt;a&gt;.jpg" in page
    assert "Ann &amp; Bob</td><td>0.800" in page
    assert "unknown</td><td>0.100" in page
    assert "no &lt;face&gt;</td><td></td>" in page
    assert "<a>" not in page


def test_long_tables_are_cut():
    page = said(*(Answer(f"{at}.jpg", None, 0.0) for at in range(60)))._repr_html_()
    assert page.count("<tr>") == 50
    assert "60 photos" in page
