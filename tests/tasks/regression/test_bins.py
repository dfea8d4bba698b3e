"""Binned regression."""

import numpy as np
import pytest

from headstart.tasks.regression.bins import Bins, make_bins


def test_names_of_whole_numbers_and_of_fractions():
    assert Bins((1.0, 3.5, 4.5, 9.0)).names == ("1 to 3", "4", "5 to 9")
    assert Bins((0.1, 0.25, 0.7)).names == ("0.1 to 0.25", "0.25 to 0.7")
    close = Bins((100.0, 100.001, 100.002)).names
    assert len(set(close)) == 2
    assert close[0] == "100 to 100.001"


def test_an_inner_edge_belongs_above_and_what_lies_beyond_to_the_ends():
    bins = Bins((0.0, 1.0, 2.0, 3.0))
    numbers = np.array([-5, 0.5, 1.0, 1.5, 2.0, 99, np.nan])
    assert bins.classes(numbers).tolist() == [0, 0, 1, 1, 2, 2, -1]


def test_quantiles_are_those_of_a_density_even_within_each_range():
    rng = np.random.default_rng(0)
    edges = np.array([0.0, 1.0, 4.0, 6.0, 10.0])
    chances = rng.dirichlet(np.ones(4), 5)
    found = Bins(tuple(edges)).quantiles(chances, (0.05, 0.5, 0.95))
    for row, wanted in zip(found, chances, strict=True):
        place = rng.choice(4, 200_000, p=wanted)
        drawn = edges[place] + rng.random(len(place)) * np.diff(edges)[place]
        assert row == pytest.approx(np.quantile(drawn, [0.05, 0.5, 0.95]), abs=0.05)


def test_a_certain_answer_is_the_middle_and_an_unread_one_is_none():
    bins = Bins((0.0, 2.0, 4.0))
    predicted = bins.numbers(np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [np.nan, np.nan]]))
    assert predicted[:3, 0].tolist() == [1.0, 3.0, 2.0]
    assert predicted[0, 1:].tolist() == pytest.approx([0.1, 1.9])
    assert np.isnan(predicted[3]).all()


@pytest.mark.parametrize("edges", [(1.0, 2.0), (1.0, 1.0, 2.0), (3.0, 2.0, 1.0)])
def test_edges_that_are_none(edges):
    with pytest.raises(ValueError, match="ascending"):
        Bins(edges)


def test_ranges_hold_about_equally_many_and_equal_numbers_stay_together():
    rng = np.random.default_rng(0)
    numbers = np.round(rng.gamma(2, 10, 900))
    bins = make_bins(numbers)
    counts = np.bincount(bins.classes(numbers))
    assert len(counts) == 10
    assert counts.min() > 40
    assert counts.sum() == 900
    assert not set(bins.edges[1:-1]) & set(numbers.tolist())


@pytest.mark.parametrize(
    ("numbers", "edges"),
    [([1, 1, 1, 2], (1, 1.5, 2)), ([0.0] * 50 + [7.0], (0, 3.5, 7)), ([1, 2], (1, 1.5, 2))],
)
def test_ranges_of_hardly_anything(numbers, edges):
    assert make_bins(np.array(numbers, float)).edges == edges


def test_a_number_that_fills_a_range_is_answered_as_it_is():
    """Many zeros among counts: spread evenly over 0 to 0.5 no zero lay in its own interval."""
    bins = make_bins(np.array([0.0] * 60 + [1, 2, 2, 3, 4, 5, 6, 7, 8, 9] * 4))
    assert bins.edges[:2] == (0, 0.5)
    assert bins.points == (0, None, None)
    number, low, high = bins.numbers(np.array([[1, 0, 0], [0.3, 0.7, 0]])).T
    assert (number[0], low[0], high[0]) == (0, 0, 0)
    assert low[1] == 0
    assert number[1] > 0.5
    assert make_bins(np.array([1.0, 2, 3, 8] * 9)).points == (1, 2, 3, 8)
    assert make_bins(np.array([1.0, 2, 3, 8])).points == (), "once may be chance"
