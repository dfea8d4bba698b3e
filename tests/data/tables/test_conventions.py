"""Commas and points of a column mean one thing, or are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.data.tables.conventions import AmbiguousNumbers, plain_numbers


@pytest.mark.parametrize(
    ("texts", "plain"),
    [
        (["2,611", "870", "1,020"], ["2611", "870", "1020"]),
        (["2,5", "3,25", "7"], ["2.5", "3.25", "7"]),
        (["1,234.5", "12"], ["1234.5", "12"]),
        (["1.234,5", "7"], ["1234.5", "7"]),
        (["1,234,567", "3"], ["1234567", "3"]),
        (["2.611", "0.870"], ["2.611", "0.870"]),
        (["1 234", "2\u00a0500", "7"], ["1234", "2500", "7"]),
        (["1'234.5", "7"], ["1234.5", "7"]),
        (["0,123", "0,456"], ["0.123", "0.456"]),
        (["1,5", "2,611"], ["1.5", "2.611"]),
        (["-1e3", "+4"], ["-1e3", "+4"]),
    ],
)
def test_one_way_for_the_whole_column(texts, plain):
    assert plain_numbers(texts) == plain


@pytest.mark.parametrize(
    "texts",
    [
        ["2,611", "3,200"],  # grams, or kilograms with three decimals
        ["2,5", "3.5"],
        ["2.611", "870", "1.020"],
        ["-1,200", "-3", "2"],
        ["12,500", "15,250"],
    ],
)
def test_two_ways_are_refused(texts):
    with pytest.raises(AmbiguousNumbers):
        plain_numbers(texts)


@given(st.lists(st.floats(0.001, 1e9), min_size=1))
def test_what_computers_write_stays_as_it_is(numbers):
    texts = [repr(number) for number in numbers]
    assert plain_numbers(texts) == texts


@given(st.lists(st.integers(0, 10**9), min_size=1))
def test_grouped_thousands_are_read_or_refused_but_never_as_decimals(numbers):
    try:
        plain = plain_numbers([f"{number:,}" for number in numbers])
    except AmbiguousNumbers:
        return
    assert [float(text) for text in plain] == numbers
