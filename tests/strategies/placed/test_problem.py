"""Who trains and who tests where an image has many answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.mask_sets import discs, material

from headstart.errors import DataError
from headstart.strategies.placed.problem import Folds, make_placed_problem, placed_folds


@pytest.fixture
def prepared(tmp_path):
    return material(discs(tmp_path))[0]


def test_a_given_split_is_kept(prepared):
    problem = make_placed_problem(prepared, "auto", folds=5, seed=0)
    [(train, test)] = problem.rounds
    assert (len(train), len(test), problem.kind) == (8, 4, "holdout")
    assert "own test split" in problem.summary


def test_cross_validation_answers_for_every_image_once(prepared):
    problem = make_placed_problem(prepared, "cv", folds=3, seed=0)
    tested = np.concatenate([test for _, test in problem.rounds])
    assert sorted(tested.tolist()) == list(range(12))
    assert len(problem.final) == 12


def test_nothing_to_measure_on_is_said(prepared):
    together = replace(prepared, clusters=np.zeros(12, int))
    with pytest.raises(DataError, match="stay together"):
        make_placed_problem(together, "auto", folds=5, seed=0)
    nobody = replace(prepared, splits=np.full(12, "train"))
    with pytest.raises(DataError, match="test on"):
        make_placed_problem(nobody, "auto", folds=5, seed=0)


def test_folds_keep_together_what_belongs_together(prepared):
    pairs = replace(prepared, clusters=np.arange(12) // 2)
    of, k = placed_folds(pairs, np.arange(8), folds=5, seed=0)
    assert 2 <= k <= 4
    assert (of[::2] == of[1::2]).all()
    together = replace(prepared, clusters=np.zeros(12, int))
    assert placed_folds(together, np.arange(8), folds=5, seed=0)[1] == 1


def test_one_fold_is_held_out_while_others_are_learnt_from():
    folds = Folds(np.array([0, 1, 2, 0]), 3)
    assert (folds.held.tolist(), folds.own.tolist(), folds.said) == ([0, 3], [1, 2], "1 of 3 folds")
    alone = Folds(np.zeros(3, np.int64), 1)
    assert (alone.held.tolist(), alone.own.tolist()) == ([], [0, 1, 2])
