"""Measures of predicted numbers, against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from headstart.metrics.regression import regression_statistics
from headstart.metrics.statistic import difference, estimate, mean


def measure_numbers(numbers, truth, clusters=None, *, seed=0):
    """Every measure of (N, 3) numbers and the ends of their intervals."""
    found = regression_statistics(numbers[:, 0], truth, low=numbers[:, 1], high=numbers[:, 2])
    return {key: estimate(each, clusters, seed=seed) for key, each in found.items()}


def mean_difference(first, second, clusters=None, *, seed=0):
    """Mean of first minus second, paired."""
    return difference(mean(first), mean(second), clusters, seed=seed)


@pytest.fixture
def predicted():
    rng = np.random.default_rng(0)
    truth = rng.normal(40, 15, 300)
    middle = truth + rng.normal(0, 5, 300)
    return np.column_stack([middle, middle - 8.2, middle + 8.2]), truth


def test_as_scikit_learn_has_them(predicted):
    numbers, truth = predicted
    found = measure_numbers(numbers, truth)
    assert found["mean_absolute_error"].value == pytest.approx(
        mean_absolute_error(truth, numbers[:, 0])
    )
    assert found["root_mean_squared_error"].value == pytest.approx(
        root_mean_squared_error(truth, numbers[:, 0])
    )
    assert found["r2"].value == pytest.approx(r2_score(truth, numbers[:, 0]))
    assert found["interval_coverage"].value == pytest.approx(0.9, abs=0.03)
    for each in found.values():
        assert each.low < each.value < each.high
        assert each.n == 300


def test_what_belongs_together_widens_the_interval(predicted):
    numbers, truth = (np.repeat(each, 10, axis=0) for each in predicted)
    alone = measure_numbers(numbers, truth)["mean_absolute_error"]
    together = measure_numbers(numbers, truth, np.repeat(np.arange(300), 10))
    wide = together["mean_absolute_error"]
    assert wide.high - wide.low > 2.5 * (alone.high - alone.low)


def test_truths_that_are_all_the_same_have_no_variance_to_explain():
    numbers = np.column_stack([np.full(20, 3.0), np.full(20, 2.0), np.full(20, 4.0)])
    found = measure_numbers(numbers, np.full(20, 3.5))
    assert np.isnan(found["r2"].value)
    assert found["mean_absolute_error"].value == pytest.approx(0.5)


def test_the_difference_is_paired():
    rng = np.random.default_rng(0)
    hard = rng.exponential(10, 200)  # some items are hard for both
    better = mean_difference(hard + 1 + rng.normal(0, 0.5, 200), hard)
    assert better.value == pytest.approx(1, abs=0.2)
    assert better.low > 0.8


@pytest.mark.parametrize("seed", range(4))
def test_clusters_and_order_change_no_value(seed):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=40) * 10 ** rng.integers(-3, 4)
    numbers = np.column_stack([truth + rng.normal(size=40), truth - 1, truth + 1])
    order = rng.permutation(40)
    plain = measure_numbers(numbers, truth)
    moved = measure_numbers(numbers[order], truth[order], rng.integers(0, 9, 40))
    for name, each in plain.items():
        assert moved[name].value == pytest.approx(each.value)


def test_perfect_and_as_good_as_the_mean():
    truth = np.arange(30.0)
    perfect = measure_numbers(np.column_stack([truth, truth, truth]), truth)
    assert perfect["r2"].value == 1
    assert perfect["root_mean_squared_error"].value == 0
    assert perfect["interval_coverage"].value == 1  # the ends belong to the range
    assert perfect["interval_coverage"].low < 1, "thirty items do not make it certain"
    middle = np.full(30, truth.mean())
    mean = measure_numbers(np.column_stack([middle, middle + 100, middle + 200]), truth)
    assert mean["r2"].value == pytest.approx(0)
    assert mean["interval_coverage"].value == 0


def test_one_item():
    found = measure_numbers(np.array([[3.0, 2.0, 4.0]]), np.array([5.0]))
    assert found["mean_absolute_error"].value == 2
    assert np.isnan(found["r2"].value)
    assert found["interval_coverage"].value == 0


def test_the_error_interval_covers():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(60):
        miss = rng.normal(0, 1, 80)
        numbers = np.column_stack([miss, miss - 1, miss + 1])
        found = measure_numbers(numbers, np.zeros(80))["mean_absolute_error"]
        held += found.low <= np.sqrt(2 / np.pi) <= found.high
    assert held >= 52


def test_the_difference_of_equals_is_nothing():
    values = np.random.default_rng(0).random(50)
    same = mean_difference(values, values, np.arange(50) // 5)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    there, back = mean_difference(values, values**2), mean_difference(values**2, values)
    assert there.value == pytest.approx(-back.value)
