"""A problem puts the answers of its rounds together, item by item."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from headstart.data.dataset import Dataset
from headstart.data.labels import Numbers
from headstart.images.stats import ImageStats
from headstart.probe.cross_validate import CrossValidated, Fold, Round
from headstart.records import OutputSpec
from headstart.strategies.problem import Prepared, Problem

N = 6
PROBE = SimpleNamespace()


def numbers_problem() -> Problem:
    """Two rounds over six items whose ranges differ, as those of a regression do."""
    names = tuple(f"{i}.png" for i in range(N))
    labels = Numbers("age", np.arange(N, dtype=float))
    data = Dataset(Path(), names, labels, np.full(N, ""), task="regression")
    prepared = Prepared(data, ImageStats.empty(N), np.arange(N), data.splits, np.zeros(N, bool))
    targets = np.array([0, 0, 0, 1, 1, 1])
    rounds = (
        Round(np.array([0, 2, 4]), np.array([5, 1, 3]), targets, 2),
        Round(np.array([1, 3, 5]), np.array([4, 0]), targets, 2),
    )
    specs = tuple(
        OutputSpec("regression", ("a", "b"), {"edges": edges, "quantity": "age"})
        for edges in ([0.0, 2.0, 4.0], [0.0, 20.0, 40.0])
    )
    return Problem(prepared, rounds, specs, rounds[0], specs[0], "cv", "")


def played(problem: Problem, scores: list[np.ndarray], temperature: float) -> CrossValidated:
    folds = [
        Fold(each, PROBE, score, temperature)
        for each, score in zip(problem.rounds, scores, strict=True)
    ]
    return CrossValidated(tuple(folds), PROBE, problem.final)


def test_who_is_tested_and_who_is_learnt_from():
    problem = numbers_problem()
    assert problem.items.tolist() == [0, 1, 3, 4, 5]
    assert problem.dataset is problem.prepared.dataset
    assert problem.clusters is problem.prepared.clusters


def test_answers_are_in_order_of_item_and_decoded_by_their_own_rounds():
    problem = numbers_problem()
    sure = np.log(np.array([[1e-9, 1], [1, 1e-9], [1e-9, 1]]))
    found = problem.answers(played(problem, [sure, sure[:2]], 1.0))
    assert found.names == ("0.png", "1.png", "3.png", "4.png", "5.png")
    # 5, 1 and 3 by the first edges; 4 and 0 by the second, ten times as large.
    assert found.values == pytest.approx([10, 1, 3, 30, 3], abs=1e-6)
    assert found.quantity == "age"


def test_before_and_after_temperature_scaling():
    problem = numbers_problem()
    scores = [np.array([[0.0, 4.0]] * 3), np.array([[0.0, 4.0]] * 2)]
    outcome = played(problem, scores, 4.0)
    soft, hard = problem.answers(outcome), problem.answers(outcome, calibrated=False)
    assert soft.names == hard.names
    assert (soft.high - soft.low > hard.high - hard.low).all()


def test_every_round_needs_what_decodes_it():
    problem = numbers_problem()
    outcome = played(problem, [np.zeros((3, 2)), np.zeros((2, 2))], 1.0)
    short = CrossValidated(outcome.folds[:1], PROBE, problem.final)
    with pytest.raises(ValueError, match="longer"):
        problem.answers(short)
