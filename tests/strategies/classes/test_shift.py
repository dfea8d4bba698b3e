"""Validation and test images of another kind: noticed, and what follows; without one, nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.vectors import SLICES, frozen, prepared

from headstart.compute import Compute
from headstart.data.labels import Classes, Numbers
from headstart.probe.cross_validate import cross_validate
from headstart.probe.frozen import Frozen
from headstart.strategies.classes.shift import choose_probe, look_at_test, shift_sections
from headstart.strategies.make_problem import make_problem

N = 400
ROLES = np.repeat(["train", "val", "test"], [200, 80, 120])
FEW = Compute()


def problem_of(roles: np.ndarray = ROLES, *, seed: int = 0, given: bool = True, **more):
    labels = Classes(("a", "b"), np.random.default_rng(seed).integers(0, 2, len(roles)))
    data = prepared(labels, splits=roles, **more)
    if not given:
        data = replace(data, dataset=replace(data.dataset, splits=np.full(len(roles), "")))
    return make_problem(data, "auto", folds=5, seed=0)


def of_kinds(problem, others: tuple[str, ...], *, seed: int = 0) -> Frozen:
    """Vectors whose last stage holds a shortcut that works outside of some splits only."""
    rng = np.random.default_rng(seed)
    roles, y = problem.prepared.splits, problem.dataset.labels.targets
    vectors = rng.normal(size=(len(y), 28)).astype(np.float32)
    other = np.isin(roles, others)
    vectors[:, 16] += np.where(other, 0, 6) * (2 * y - 1)
    vectors[:, 6] += 1.5 * (2 * y - 1)
    vectors[:, 0] += 4 * other
    return Frozen.of_stages(vectors, SLICES)


def right(choice) -> float:
    fold = choice.outcome.folds[0]
    return float((fold.scores.argmax(axis=1) == fold.round.targets[fold.test]).mean())


def test_validation_images_of_another_kind_choose():
    problem = problem_of()
    found = of_kinds(problem, ("val", "test"))
    choice = choose_probe(problem, found, FEW, folds=5)
    today = cross_validate(found, problem.rounds, problem.clusters, FEW, folds=5)
    fold = today.folds[0]
    before = (fold.scores.argmax(axis=1) == fold.round.targets[fold.test]).mean()
    assert choice.shift is not None
    assert choice.shift.unlike
    assert choice.chosen_by == "validation"
    assert right(choice) >= before
    assert re.match(
        r"Your validation images are unlike the training images: folds inside training say "
        r"(0\.9\d|1\.00), your validation 0\.\d\d; chosen by validation\. They were ",
        choice.shift.summary,
    )
    assert choice.section is not None
    assert choice.section["images"] == 80
    assert choice.section["inside"].value > choice.section["outside"].value + 0.1
    parts = shift_sections(choice, None, {"points": [1], "forecast": {"n": 9}})
    assert parts["learning_curve"]["points"] == [1]
    assert parts["learning_curve"]["forecast"] is None
    assert "validation" in parts["learning_curve"]["withdrawn"]


def test_those_that_are_alike_join_training_as_ever():
    problem = problem_of()
    found = of_kinds(problem, ())
    choice = choose_probe(problem, found, FEW, folds=5)
    today = cross_validate(found, problem.rounds, problem.clusters, FEW, folds=5)
    assert choice.shift is not None
    assert not choice.shift.unlike
    assert choice.chosen_by == "cross-validated"
    assert choice.problem is problem
    assert choice.aside is None
    assert (choice.outcome.folds[0].scores == today.folds[0].scores).all(), "bit for bit"
    parts = shift_sections(choice, None, {"forecast": {"n": 9}})
    assert "learning_curve" not in parts
    assert "are like the training images" in parts["validation"]["summary"]


def test_who_chose_and_did_not_train_is_kept_apart(monkeypatch):
    from headstart.probe import validated
    from headstart.records import Estimate

    worse = Estimate(-0.2, -0.3, -0.1, 80, "said so")
    monkeypatch.setattr(validated, "paired_difference", lambda *a, **k: worse)
    monkeypatch.setattr(validated, "_surely_better", lambda *a: True)
    problem = problem_of()
    found = of_kinds(problem, ("val", "test"))
    choice = choose_probe(problem, found, FEW, folds=5)
    assert choice.section is not None
    val = np.flatnonzero(ROLES == "val")
    assert not choice.section["joined"]
    assert choice.aside.tolist() == val.tolist()
    assert not set(val) & set(choice.problem.rounds[0].train)
    assert choice.problem.final is choice.problem.rounds[0]
    assert "not trained on" in choice.section["summary"]


@pytest.mark.parametrize("why", ["numbers", "few", "a class of their own", "cv"])
def test_where_they_cannot_choose_they_train(why):
    roles = ROLES.copy()
    problem = problem_of()
    if why == "few":
        roles[200:270] = "train"
        problem = problem_of(roles)
    elif why == "numbers":
        values = np.random.default_rng(0).normal(size=N)
        problem = make_problem(
            prepared(Numbers("age", values), splits=ROLES, task="regression"), "auto", folds=5,
            seed=0,
        )  # fmt: skip
    elif why == "cv":
        problem = make_problem(problem.prepared, "cv", folds=2, seed=0)
    else:
        targets = np.random.default_rng(0).integers(0, 2, N)
        targets[200:220] = 2
        problem = make_problem(
            prepared(Classes(("a", "b", "c"), targets), splits=ROLES), "auto", folds=5, seed=0
        )
    found = frozen(problem.prepared)
    choice = choose_probe(problem, found, FEW, folds=2)
    assert choice.shift is None
    assert choice.section is None
    assert choice.problem is problem


def test_a_test_that_contradicts_withdraws_the_forecast():
    problem = problem_of(np.where(ROLES == "val", "train", ROLES))
    found = of_kinds(problem, ("test",))
    choice = choose_probe(problem, found, FEW, folds=5)
    assert choice.shift is None
    shift = look_at_test(problem, found, choice.outcome, FEW)
    assert shift is not None
    assert shift.unlike
    assert "your test 0." in shift.summary
    assert "Gather training images from the source of the test" in shift.summary
    assert "--group" in shift.summary
    parts = shift_sections(choice, shift, {"points": [], "forecast": {"summary": "hardly help"}})
    assert parts["learning_curve"]["forecast"] is None
    assert "test" in parts["learning_curve"]["withdrawn"]
    assert parts["test_shift"]["unlike"]
    # What the test says chooses nothing.
    assert choice.outcome.probe.config.features in ("last", "upper", "all")


def test_a_test_like_training_or_easier_keeps_it():
    problem = problem_of(np.where(ROLES == "val", "train", ROLES))
    alike = of_kinds(problem, ())
    choice = choose_probe(problem, alike, FEW, folds=5)
    shift = look_at_test(problem, alike, choice.outcome, FEW)
    assert shift is not None
    assert not shift.unlike
    assert shift_sections(choice, shift, {"forecast": {"n": 9}}).keys() == {"test_shift"}
    easier = of_kinds(problem, ("train",))  # the shortcut works in the test alone
    choice = choose_probe(problem, easier, FEW, folds=5)
    shift = look_at_test(problem, easier, choice.outcome, FEW)
    assert shift is not None
    assert not shift.unlike


def test_a_test_drawn_from_the_same_images_is_not_asked():
    problem = problem_of(np.where(ROLES == "val", "train", ROLES), given=False)
    found = of_kinds(problem, ("test",))
    choice = choose_probe(problem, found, FEW, folds=5)
    assert look_at_test(problem, found, choice.outcome, FEW) is None


def test_random_splits_seldom_seem_unlike():
    alarms = 0
    for seed in range(12):
        roles = np.random.default_rng(seed).permutation(ROLES)
        problem = problem_of(roles, seed=seed)
        found = of_kinds(problem, (), seed=seed)
        choice = choose_probe(problem, found, Compute(seed=seed), folds=3)
        shift = look_at_test(choice.problem, found, choice.outcome, Compute(seed=seed))
        alarms += bool(choice.shift.unlike or shift.unlike)
    assert alarms <= 1
