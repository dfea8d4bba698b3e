"""Accuracy by subgroup."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.metrics import groups
from headstart.metrics.groups import bands
from headstart.metrics.statistic import Measure, Statistic, mean, proportion

ACCURACY = Measure("accuracy", "accuracy")


def by_subgroup(column, values, right, clusters=None, *, seed=0):
    """The share of right items by subgroup."""
    return groups.by_subgroup(column, values, proportion(right), ACCURACY, clusters, seed=seed)


def test_numbers_become_bands_of_about_equal_size_and_words_stay():
    ages = np.array([str(age) for age in range(100)] + [""])
    found = bands(ages, places=np.arange(100.0))
    names, counts = np.unique(found[:-1], return_counts=True)
    assert set(names) == {"0 to 19", "20 to 39", "40 to 59", "60 to 79", "80 to 99"}
    assert counts.tolist() == [20] * 5
    assert found[-1] == ""
    words = np.array(["left", "right", ""])
    assert bands(words).tolist() == words.tolist()
    few = np.array(["1", "2", "3"] * 9)
    assert bands(few, places=few.astype(float)).tolist() == few.tolist()
    days = np.array([f"{1 + i % 28:02}.{1 + i // 28:02}.2024" for i in range(100)])
    banded = bands(days, places=np.arange(100.0))
    assert banded[0] == "01.01.2024 to 20.01.2024"


def test_a_planted_gap_is_found_and_an_even_one_is_not():
    rng = np.random.default_rng(0)
    values = np.array(["a", "b", "c"])[rng.integers(0, 3, 900)]
    rates = {"a": 0.95, "b": 0.9, "c": 0.7}
    correct = rng.random(900) < np.array([rates[each] for each in values])
    found = by_subgroup("kind", values, correct)
    assert (found.best, found.worst) == ("a", "c")
    assert found.gap.low < 0.25 < found.gap.high
    assert found.gap.low > 0.1
    assert found.p_value < 0.01
    for name, rate in rates.items():
        assert found.values[name].low < rate < found.values[name].high
    even = by_subgroup("kind", values, rng.random(900) < 0.9)
    assert even.p_value > 0.05


def test_chance_is_uniform_where_there_is_no_gap():
    values = np.repeat(["a", "b", "c", "d"], 50)
    rng = np.random.default_rng(1)
    found = [
        by_subgroup("kind", values, rng.random(200) < 0.8, seed=seed).p_value for seed in range(40)
    ]
    assert np.mean(np.array(found) < 0.1) < 0.25
    assert 0.3 < np.mean(found) < 0.75


def test_whole_clusters_make_the_interval_wider():
    rng = np.random.default_rng(2)
    people = np.repeat(np.arange(40), 10)
    values = np.where(people < 20, "a", "b")
    right = (rng.random(40) < 0.7)[people]  # all photos of a person are right, or none
    alone, together = by_subgroup("kind", values, right), by_subgroup("kind", values, right, people)
    assert together.gap.high - together.gap.low > 2 * (alone.gap.high - alone.gap.low)
    assert together.p_value > alone.p_value


def test_few_items_are_left_out_and_one_group_has_no_gap():
    values = np.array(["a"] * 20 + ["b"] * 3 + [""] * 5)
    found = by_subgroup("kind", values, np.ones(28, bool))
    assert list(found.values) == ["a"]
    assert found.left_out == {"b": 3}
    assert found.gap is None
    assert np.isnan(found.p_value)


def test_without_any_mistake_the_gap_is_nothing():
    found = by_subgroup("kind", np.repeat(["a", "b"], 20), np.ones(40, bool))
    assert found.gap.value == 0
    assert found.p_value == pytest.approx(1.0)


def test_of_an_error_less_is_better():
    rng = np.random.default_rng(3)
    values = np.repeat(["old", "young"], 200)
    missed = rng.exponential(np.where(values == "old", 3.0, 1.0))
    measure = Measure("mae", "mean absolute error", larger_is_better=False, unit="plain")
    found = groups.by_subgroup("age", values, mean(missed), measure)
    assert (found.best, found.worst) == ("young", "old")
    assert found.gap.low > 0
    assert found.measure == "mean absolute error"


def test_any_statistic_has_subgroups():
    """A measure that is no mean of outcomes gives what its plain form gives."""
    rng = np.random.default_rng(4)
    values = np.repeat(["a", "b"], 60)
    right = rng.random(120) < np.where(values == "a", 0.95, 0.6)
    plain = proportion(right)
    opaque = Statistic(plain.of, 120)
    one = groups.by_subgroup("kind", values, plain, ACCURACY)
    other = groups.by_subgroup("kind", values, opaque, ACCURACY)
    assert one.gap == other.gap
    assert {name: each.value for name, each in one.values.items()} == {
        name: each.value for name, each in other.values.items()
    }
    assert other.p_value == pytest.approx(one.p_value, abs=0.02)
