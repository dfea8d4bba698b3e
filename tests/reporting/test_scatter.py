"""Predicted numbers against the truth: every point in its place, whatever the numbers."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.reporting.figures import HEIGHT, LEFT, TOP, WIDTH
from headstart.reporting.scatter import _ticks, scatter

NUMBERS = st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-6)


def drawn(points: list, name: str = "age") -> ElementTree.Element:
    page = str(scatter([(*point, 0, 0) for point in points], name))
    return ElementTree.fromstring(page)  # also: it is well-formed


def all_of(figure: ElementTree.Element, tag: str, kind: str | None = None) -> list:
    found = [each for each in figure.iter() if each.tag.rpartition("}")[2] == tag]
    return [each for each in found if kind is None or each.get("class") == kind]


def places(figure: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(e.get("cx")), float(e.get("cy"))) for e in all_of(figure, "circle", "point")]


def test_corners():
    figure = drawn([(0, 0), (10, 10), (0, 10), (10, 0), (5, 5)])
    assert places(figure) == [
        (LEFT, TOP + HEIGHT),
        (LEFT + WIDTH, TOP),
        (LEFT, TOP),
        (LEFT + WIDTH, TOP + HEIGHT),
        (LEFT + WIDTH / 2, TOP + HEIGHT / 2),
    ]


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=10))
def test_no_point_lies_outside(points):
    figure = drawn(points)
    found = places(figure)
    assert len(found) == len(points)
    for x, y in found:
        assert LEFT - 0.1 <= x <= LEFT + WIDTH + 0.1
        assert TOP - 0.1 <= y <= TOP + HEIGHT + 0.1


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=8))
def test_larger_is_never_further_left_or_lower(points):
    by_truth = sorted(points)
    across = [x for x, _ in places(drawn(by_truth))]
    assert across == sorted(across)


def test_exact_predictions_lie_on_the_line():
    figure = drawn([(3.5, 3.5), (-2, -2), (8.25, 8.25)])
    [line] = all_of(figure, "line", "ideal")
    x1, y1, x2, y2 = (float(line.get(name)) for name in ("x1", "y1", "x2", "y2"))
    for x, y in places(figure):
        assert (y - y1) * (x2 - x1) == pytest.approx((y2 - y1) * (x - x1), abs=30)


@pytest.mark.parametrize("points", [[(7, 7)], [(7, 7)] * 5, [(0, 0)]])
def test_numbers_that_are_all_the_same_lie_in_the_middle(points):
    assert set(places(drawn(points))) == {(LEFT + WIDTH / 2, TOP + HEIGHT / 2)}


@given(NUMBERS, st.floats(1e-3, 1e9))
def test_ticks_are_round_and_three_to_six(low, span):
    high = low + span
    step = _ticks(low, high)
    digits = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert any(digits == pytest.approx(each) for each in (1, 2, 2.5, 5, 10))
    assert 2 < span / step < 7


def test_labels_of_both_axes_are_the_same_numbers():
    figure = drawn([(20, 31), (64, 58)])
    texts = [each.text for each in all_of(figure, "text") if each.text]
    numbers = [text for text in texts if re.fullmatch(r"-?[\d.]+", text)]
    assert sorted(numbers) == sorted([*{*numbers}] * 2)
    assert {"30", "40", "50", "60"} <= set(numbers)


def test_a_label_says_what_is_shown():
    page = str(scatter([(1, 2, 0, 3), (4, 5, 3, 6)], "age"))
    assert "age: 2 images, truth from 1 to 5 against what was predicted" in page
    assert "age, truth" in page
    assert "age, predicted" in page


def test_names_cannot_become_markup():
    page = str(scatter([(1, 2, 0, 3)], '<b> & "c"'))
    assert "<b>" not in page
    assert "&lt;b&gt; &amp;" in page
    ElementTree.fromstring(page)


def test_counts_are_not_ruled_by_halves():
    assert {_ticks(1, top, whole=True) for top in (2, 4, 9)} == {1, 2}
    words = {"".join(each.itertext()) for each in all_of(drawn([(1, 4), (1, 1)]), "text")}
    assert "1.5" not in words
