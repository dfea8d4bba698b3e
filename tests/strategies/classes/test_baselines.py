"""What a model must beat: the same items as it, in the same order, by whoever knows less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.problems import material
from tests.training.trainings import pictures

from headstart.compute import Compute
from headstart.data.labels import Numbers
from headstart.strategies.classes import baselines as module
from headstart.strategies.classes.baselines import measure_baselines
from headstart.strategies.make_problem import make_problem
from headstart.training.schedule import Recipe

CPU = Compute(device="cpu", workers=1)


def measured(which, problem, network):
    return measure_baselines(
        which, problem, network, CPU, recipe=Recipe(batch=8), epochs=1, folds=2
    )


@pytest.fixture
def ground(tmp_path):
    """Two shades of grey, cross-validated, one of them more frequent."""
    prepared, network = material(pictures(tmp_path / "data", (12, 8), spread=5))
    return make_problem(prepared, "cv", folds=2, seed=0), network


def test_none_are_measured_where_none_are_wanted(ground):
    assert measured("none", *ground) == {}


def test_the_majority_and_raw_pixels(ground):
    problem, network = ground
    found = measured("standard", problem, network)
    assert list(found) == ["majority", "raw_pixels"]
    names = tuple(problem.dataset.names[i] for i in problem.items)
    targets = problem.dataset.labels.targets
    for each in found.values():
        assert each.names == names
        assert each.answered.all()
    assert (found["majority"].labels == 0).all()
    assert (found["raw_pixels"].labels == targets).mean() > 0.9, "shades are told by pixels alone"


def test_the_majority_is_that_of_the_training_items_of_each_round(ground):
    problem, _ = ground
    targets = problem.dataset.labels.targets
    zeros, ones = np.flatnonzero(targets == 0), np.flatnonzero(targets == 1)
    first = np.concatenate([zeros[:2], ones])  # in here 1 is more frequent, in the other one 0
    second = np.setdiff1d(np.arange(20), first)
    rounds = (
        replace(problem.rounds[0], train=first, test=second),
        replace(problem.rounds[0], train=np.append(second, ones[:1]), test=first),
    )
    found = module._who_never_looks(replace(problem, rounds=rounds))["majority"]
    assert found.labels[second].tolist() == [1] * len(second)
    assert found.labels[first].tolist() == [0] * len(first)


def test_the_same_network_without_its_pretraining(ground):
    problem, network = ground
    found = measured("full", problem, network)
    assert list(found) == ["majority", "raw_pixels", "random_weights", "scratch"]
    for each in found.values():
        assert each.names == found["majority"].names
        assert each.probabilities.sum(axis=1) == pytest.approx(1)
    assert set(np.unique(found["scratch"].probabilities)) == {0, 1}


def test_an_onnx_file_has_no_other_weights(ground):
    problem, network = ground
    backbone = replace(network.backbone, source=replace(network.backbone.source, kind="onnx"))
    found = measured("full", problem, replace(network, backbone=backbone))
    assert list(found) == ["majority", "raw_pixels"]


def test_numbers_have_the_median(tmp_path):
    data = pictures(tmp_path / "data", (12, 12), spread=5)
    values = np.arange(24, dtype=float)
    prepared, network = material(replace(data, labels=Numbers("age", values), task="regression"))
    problem = make_problem(prepared, "cv", folds=2, seed=0)
    found = measured("standard", problem, network)
    assert list(found) == ["constant", "raw_pixels"]
    for each in problem.rounds:
        assert (found["constant"].values[each.test] == np.median(values[each.train])).all()
