"""A measure as a function of weights: its value, its interval, differences, parts of it."""

import dataclasses

import numpy as np
import pytest

from headstart.metrics.interval import wilson
from headstart.metrics.statistic import (
    Measure,
    Statistic,
    difference,
    estimate,
    mean,
    proportion,
    restrict,
)
from headstart.records import Estimate

RNG = np.random.default_rng(0)
RIGHT = RNG.random(80) < 0.7
OFF = RNG.exponential(2.0, 80)
EIGHT = np.repeat(np.arange(10), 8)


def median_of(values):
    """A measure that is no mean: the weighted median."""
    order = np.argsort(values)

    def of(weights):
        share = np.cumsum(weights[:, order], axis=1) / weights.sum(axis=1, keepdims=True)
        return values[order][(share >= 0.5).argmax(axis=1)]

    return Statistic(of, len(values), (0.0, np.inf))


def test_which_way_is_better():
    assert Measure("accuracy", "accuracy").better(0.1)
    assert not Measure("accuracy", "accuracy").better(0.0)
    assert Measure("mean_absolute_error", "mean absolute error", False, "plain").better(-0.1)


def test_values_under_weights():
    assert mean(OFF).value == pytest.approx(OFF.mean())
    twice = np.ones((2, 80))
    twice[1, :40] = 3
    wanted = [OFF.mean(), np.average(OFF, weights=twice[1])]
    assert mean(OFF)(twice) == pytest.approx(wanted)
    assert proportion(RIGHT).value == pytest.approx(RIGHT.mean())
    assert median_of(OFF).value == pytest.approx(np.sort(OFF)[39])


def test_a_proportion_has_wilsons_interval():
    assert estimate(proportion(RIGHT)) == wilson(float(RIGHT.sum()), 80)


@pytest.mark.parametrize("statistic", [proportion(RIGHT), mean(OFF), median_of(OFF)])
def test_intervals_hold_their_value_and_know_of_clusters(statistic):
    alone, grouped = estimate(statistic), estimate(statistic, EIGHT)
    for each in (alone, grouped):
        assert each.low <= each.value <= each.high
        assert each.value == pytest.approx(statistic.value)
        assert each.n == 80
    assert "10 clusters" in grouped.method
    assert estimate(statistic, EIGHT) == grouped, "the same seed"


def test_items_of_one_cluster_that_say_the_same_are_worth_one():
    same = np.repeat(np.arange(10) % 2 == 0, 8)
    alone, grouped = (estimate(proportion(same), each) for each in (None, EIGHT))
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


@pytest.mark.parametrize("make", [proportion, mean, median_of])
def test_differences_are_paired(make):
    worse = (OFF + 0.5 if make is not proportion else RIGHT) * 1.0
    better = (OFF if make is not proportion else RIGHT | (RNG.random(80) < 0.5)) * 1.0
    found = difference(make(better), make(worse))
    back = difference(make(worse), make(better))
    assert found.value == pytest.approx(make(better).value - make(worse).value)
    assert back.value == pytest.approx(-found.value)
    assert found.low <= found.value <= found.high
    apart = estimate(make(better))
    if make is not proportion:  # the same shift of every item
        assert found.high - found.low < 0.5 * (apart.high - apart.low)
        assert found.high < 0
    assert difference(make(better), make(better)).value == 0


def test_differences_need_the_same_items():
    with pytest.raises(ValueError, match="the same items twice, got 80 and 79"):
        difference(mean(OFF), mean(OFF[1:]))


@pytest.mark.parametrize("make", [mean, median_of])
def test_some_items_are_measured_as_if_they_were_all(make):
    kept = RNG.random(80) < 0.4
    part, wanted = restrict(make(OFF), kept), make(OFF[kept])
    assert part.n == kept.sum()
    assert part.value == pytest.approx(wanted.value)
    weights = RNG.random((5, kept.sum()))
    assert part(weights) == pytest.approx(wanted(weights))
    assert restrict(proportion(RIGHT), kept).interval == "wilson"


def test_an_own_interval_and_what_was_left_out():
    own = Estimate(0.5, 0.1, 0.9, 80, "DeLong 95%")
    statistic = dataclasses.replace(proportion(RIGHT), own=lambda clusters, seed: own, absent=2)
    found = estimate(statistic, EIGHT)
    assert dataclasses.replace(found, method="") == dataclasses.replace(own, method="")
    assert found.method == "DeLong 95%, 2 absent left out"
    assert restrict(statistic, EIGHT < 5).own is None, "it is of all items"
