"""Measures of predicted numbers, against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from headstart.metrics.regression import mean_difference, measure_numbers


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
    assert found["coverage"].value == pytest.approx(0.9, abs=0.03)
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
