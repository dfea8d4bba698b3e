"""Labels of two kinds by the same five names: take, known, strata, conflict, text."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.data.labels import (
    Classes,
    Numbers,
    class_labels,
    counts_of,
    quantity_of,
    range_edges,
)

CLASSES = Classes(("cat", "dog", "eel"), np.array([1, -1, 0, 1]))
NUMBERS = Numbers("age", np.array([30.0, np.nan, 4.5, 30.0]))


def test_classes():
    assert len(CLASSES) == 4
    assert CLASSES.known.tolist() == [True, False, True, True]
    assert CLASSES.strata.tolist() == [1, -1, 0, 1]
    assert CLASSES.kinds == ("cat", "dog", "eel")
    assert CLASSES.counts.tolist() == [1, 2, 0]
    assert [CLASSES.text(i) for i in range(4)] == ["dog", "", "cat", "dog"]


def test_numbers():
    assert len(NUMBERS) == 4
    assert NUMBERS.known.tolist() == [True, False, True, True]
    assert [NUMBERS.text(i) for i in range(4)] == ["30", "", "4.5", "30"]
    assert NUMBERS.strata[1] == -1
    assert NUMBERS.strata[0] == NUMBERS.strata[3] > NUMBERS.strata[2]
    assert len(NUMBERS.kinds) == NUMBERS.strata.max() + 1


@pytest.mark.parametrize("labels", [CLASSES, NUMBERS])
def test_some_of_them(labels):
    some = labels.take(np.array([3, 1]))
    assert [some.text(i) for i in range(2)] == [labels.text(3), ""]
    masked = labels.take(labels.known)
    assert len(masked) == 3
    assert masked.known.all()
    assert type(masked) is type(labels)
    assert CLASSES.take(np.array([0])).names == CLASSES.names, "a class may be without items"


def test_classes_contradict_each_other():
    assert CLASSES.conflict(0, 2)
    assert CLASSES.conflict(0, 2, near=True)
    assert not CLASSES.conflict(0, 3)
    assert not CLASSES.conflict(0, 1), "what nobody annotated contradicts nothing"


def test_numbers_contradict_each_other_when_they_are_far_enough_apart():
    ages = Numbers("age", np.append(np.arange(100.0), np.nan))
    assert ages.conflict(10, 11), "the same image cannot have two ages"
    assert not ages.conflict(10, 11, near=True), "a little older is no conflict"
    assert ages.conflict(10, 90, near=True)
    assert not ages.conflict(10, 100)
    assert not ages.conflict(100, 10, near=True)


def test_numbers_that_are_all_the_same_are_one_stratum():
    assert set(Numbers("age", np.full(5, 3.0)).strata.tolist()) == {0}
    assert Numbers("age", np.array([np.nan, np.nan])).strata.tolist() == [-1, -1]


def test_what_is_annotated_and_how_often():
    assert (quantity_of(CLASSES), quantity_of(NUMBERS)) == ("class", "age")
    assert counts_of(CLASSES) == {"cat": 1, "dog": 2, "eel": 0}
    kept = np.array([True, True, True, False])
    assert counts_of(CLASSES, kept) == {"cat": 1, "dog": 1, "eel": 0}
    assert sum(counts_of(NUMBERS).values()) == 3
    assert sum(counts_of(NUMBERS, kept).values()) == 2


def test_ranges_hold_about_equally_many():
    numbers = np.random.default_rng(0).exponential(10, 900)
    edges = range_edges(numbers)
    assert len(edges) == 10 + 1
    counts = np.histogram(numbers, edges)[0]
    assert counts.sum() == 900
    assert counts.max() - counts.min() <= 1


@given(st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=60))
def test_edges_rise_and_no_number_lies_on_an_inner_one(numbers):
    values = np.array([*numbers, np.nan])
    if len(set(numbers)) < 2:
        return
    edges = range_edges(values)
    assert all(low < high for low, high in pairwise(edges))
    assert (edges[0], edges[-1]) == (min(numbers), max(numbers))
    assert not set(edges[1:-1]) & set(numbers)
    labels = Numbers("x", values)
    assert labels.strata[:-1].min() == 0
    assert labels.strata.max() < len(labels.kinds)


def test_names_out_of_arrays_are_plain_text():
    names = np.array(["ants", "bees"])
    for found in (Classes(tuple(names), np.arange(2)), class_labels(list(names))):
        assert [type(each) for each in found.names] == [str, str]
