"""Who trains and who tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.problems import data_of

from headstart.data.dataset import Dataset
from headstart.data.labels import Numbers
from headstart.errors import DataError
from headstart.images.stats import ImageStats
from headstart.strategies.make_problem import make_problem
from headstart.strategies.problem import Prepared


def prepared_of(data: Dataset, clusters=None, splits=None, dropped=None) -> Prepared:
    n = len(data)
    return Prepared(
        data,
        ImageStats.empty(n),
        np.arange(n) if clusters is None else clusters,
        data.splits if splits is None else splits,
        np.zeros(n, bool) if dropped is None else dropped,
    )


def test_few_images_are_cross_validated_and_clusters_stay_together():
    clusters = np.arange(60) // 2
    problem = make_problem(prepared_of(data_of(clusters % 3), clusters), "auto", folds=5, seed=0)
    assert (problem.kind, len(problem.rounds), len(problem.specs)) == ("cv", 5, 5)
    assert problem.items.tolist() == list(range(60))
    for each in problem.rounds:
        assert not set(clusters[each.train]) & set(clusters[each.test])
        assert len(np.union1d(each.train, each.test)) == 60
    assert problem.final.train.tolist() == list(range(60))
    assert not len(problem.final.test)
    assert "60 images are too few" in problem.summary


def test_a_given_test_is_used_and_leaks_are_left_out():
    splits = np.array((["train"] * 4 + ["test"]) * 8)
    dropped = np.arange(40) == 1
    given = prepared_of(data_of(np.arange(40) % 3, splits), dropped=dropped)
    problem = make_problem(given, "auto", folds=5, seed=0)
    [only] = problem.rounds
    assert problem.kind == "holdout"
    assert problem.final is only
    assert only.test.tolist() == np.flatnonzero(splits == "test").tolist()
    assert 1 not in only.train
    assert len(only.train) == 31
    assert "own test split: 8 images. 1 training image was left out" in problem.summary
    asked = make_problem(given, "cv", folds=3, seed=0)
    assert (asked.kind, len(asked.rounds)) == ("cv", 3)
    assert "as asked" in asked.summary


def test_enough_images_are_split_once():
    drawn = np.where(np.arange(600) % 5, "train", "test")
    given = prepared_of(data_of(np.arange(600) % 3), splits=drawn)
    problem = make_problem(given, "auto", folds=5, seed=7)
    assert problem.kind == "holdout"
    assert len(problem.rounds[0].test) == 120
    assert "held out (seed 7): 120 images" in problem.summary


def test_every_round_of_a_regression_has_ranges_of_its_own():
    values = np.random.default_rng(0).gamma(2, 10, 60)
    values[13] = 999
    data = replace(data_of([0] * 60), labels=Numbers("age", values), task="regression")
    problem = make_problem(prepared_of(data), "cv", folds=4, seed=0)
    for each, spec in zip(problem.rounds, problem.specs, strict=True):
        top = spec.settings["edges"][-1]
        assert top == values[each.train].max()
        assert (top == 999) == (13 in each.train)
        assert each.n_classes == len(spec.names)
    assert problem.final_spec.settings["edges"][-1] == 999
    assert len({tuple(spec.settings["edges"]) for spec in problem.specs}) == 4


def test_a_split_that_leaves_one_class_is_refused():
    splits = np.array(["train"] * 4 + ["test"] * 4)
    with pytest.raises(DataError, match="fewer than two classes left"):
        make_problem(prepared_of(data_of([0] * 4 + [1] * 4, splits)), "auto", folds=5, seed=0)
    dropped = np.array([True] * 2 + [False] * 6)
    with pytest.raises(DataError, match=r"2 training images with a copy or group .* --split none"):
        make_problem(
            prepared_of(data_of([0, 1, 1, 1, 0, 1, 0, 1], splits), dropped=dropped), "auto",
            folds=5, seed=0,
        )  # fmt: skip


def test_one_image_of_each_class_is_refused_in_words():
    with pytest.raises(DataError, match="neither learned nor measured"):
        make_problem(prepared_of(data_of([0, 1, 2])), "auto", folds=5, seed=0)
