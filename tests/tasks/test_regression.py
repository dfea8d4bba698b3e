"""Numbers: learnt as ranges of the training items, told with their interval."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score

from headstart.data.dataset import Dataset
from headstart.data.labels import Numbers
from headstart.images.stats import ImageStats
from headstart.predictions import Intervals
from headstart.tasks import regression
from headstart.tasks.protocol import Places

VALUES = np.random.default_rng(0).permutation(np.linspace(1, 9, 100))


def test_ranges_do_not_see_the_test():
    values = np.append(VALUES, 999.0)
    target = regression.encode(Numbers("age", values), np.arange(100))
    own = regression.encode(Numbers("age", VALUES), np.arange(100))
    assert target.spec == own.spec
    assert target.spec.settings["edges"][-1] == 9
    assert target.classes[100] == len(target.spec.names) - 1
    assert target.classes[:100].tolist() == own.classes.tolist()


def test_numbers_of_other_data_fall_into_the_models_own_ranges():
    spec = regression.encode(Numbers("age", VALUES), np.arange(100)).spec
    found = regression.encode(Numbers("x", np.array([-5.0, np.nan, 5, 50])), np.arange(2), spec)
    assert found.spec is spec
    assert found.classes[[0, 1, 3]].tolist() == [0, -1, len(spec.names) - 1]
    assert 0 < found.classes[2] < len(spec.names) - 1


def test_outputs_become_the_median_and_its_interval():
    target = regression.encode(Numbers("age", VALUES), np.arange(100))
    edges, n = np.array(target.spec.settings["edges"]), len(target.spec.names)
    chances = np.vstack([np.eye(n), np.full((1, n), np.nan)])
    places = Places(tuple(map(str, range(n + 1))), {str(n): "empty"})
    found = regression.decode({"probabilities": chances}, target.spec, places)
    np.testing.assert_allclose(found.values[:n], (edges[1:] + edges[:-1]) / 2)
    assert (found.low[:n] < found.values[:n]).all()
    assert (found.values[:n] < found.high[:n]).all()
    assert (found.quantity, found.level) == ("age", 0.9)
    assert found.record(n)["error"] == "empty"


def predicted(seed=1):
    miss = np.random.default_rng(seed).normal(0, 1, 100)
    value = VALUES + miss
    return Intervals(tuple(map(str, range(100))), value, value - 1.6, value + 1.6, quantity="age")


def test_measures_are_those_of_scikit_learn():
    found = predicted()
    measures = regression.measures(found, Numbers("age", VALUES))
    assert measures["mean_absolute_error"].value == pytest.approx(
        mean_absolute_error(VALUES, found.values)
    )
    assert measures["r2"].value == pytest.approx(r2_score(VALUES, found.values))
    inside = np.abs(found.values - VALUES) <= 1.6
    assert measures["interval_coverage"].value == inside.mean()


def test_the_largest_errors_come_first():
    found = predicted()
    shown = regression.details(found, Numbers("age", VALUES), None, 0)
    errors = [each["error"] for each in shown["mistakes"]]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == np.abs(found.values - VALUES).max()
    assert shown["quantity"] == "age"
    np.testing.assert_allclose(
        np.array(shown["points"])[:, :2], np.c_[VALUES, found.values], 0, 1e-4
    )


def test_the_constant_is_the_median_of_the_training_items():
    values = np.r_[1.0, 2, np.nan, 9, 500]
    found = regression.baselines(
        Numbers("age", values), tuple("abcde"), np.arange(4), np.array([4])
    )["constant"]
    assert (found.names, found.values.tolist()) == (("e",), [2.0])
    assert found.low[0] < 2 < found.high[0] < 500


def numbered(labels):
    """Items of these numbers, of which no image was looked at."""
    names = tuple(f"{i}.png" for i in range(len(labels)))
    dataset = Dataset(Path(), names, labels, np.full(len(names), ""), task="regression")
    return dataset, ImageStats.empty(len(names))


@pytest.mark.parametrize(("odd", "said"), [(5.0, 0), (999.0, 1)])
def test_numbers_far_from_all_others_are_named(odd, said):
    labels = Numbers("age", np.append(VALUES, [odd, np.nan]))
    found = list(regression.check(*numbered(labels), np.arange(102)))
    assert len(found) == said
    if said:
        assert found[0].check == "outlying_numbers"
        assert found[0].evidence == ("100.png: 999",)


@pytest.mark.parametrize(("code", "many", "said"), [(-9, 9, 1), (-9, 2, 0), (-3, 9, 0), (99, 9, 1)])
def test_a_number_that_may_be_a_code_is_named(code, many, said):
    labels = Numbers("age", np.r_[np.linspace(20, 50, 60), np.full(many, float(code)), np.nan])
    found = list(regression.check(*numbered(labels), np.arange(61 + many)))
    found = [each for each in found if each.check == "numbers_like_a_code"]
    assert len(found) == said
    if said:
        assert found[0].claim.startswith(f"9 of 69 numbers are {code}, and no other")
        assert found[0].evidence[0] == f"60.png: {code}"
