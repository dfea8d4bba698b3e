import dataclasses

import numpy as np
import pytest
from tests.confounded import planted

from headstart.auditing.attribute import read_attribute
from headstart.auditing.audit import audit_columns
from headstart.auditing.evidence import evidence_of_vectors
from headstart.auditing.pool import Pool
from headstart.auditing.repair import RepairTrial, cells_alike, repair
from headstart.records import Estimate


def asked(opposing, seed=0):
    dataset, vectors, clusters = planted(opposing, seed=seed)
    evidence = evidence_of_vectors(dataset, vectors, clusters, seed=seed)
    return evidence, read_attribute("sex", dataset.attributes["sex"], evidence.targets)


def fair_accuracy(weights, bias):
    dataset, vectors, _ = planted(300, per_class=600, seed=99)
    scores = vectors @ weights.T + bias
    return (scores.argmax(axis=1) == dataset.labels.targets).mean()


def plain_head(evidence):
    """The same solver without weights."""
    from headstart.probe.linear import Problems, solve

    space = evidence.space
    problems = Problems(
        space.coordinates, space.axes.variances, evidence.targets, 2,
        np.ones((1, len(evidence)), np.float32), np.array([evidence.beside.strength]),
    )  # fmt: skip
    solved, _ = solve(problems, loss="logistic")
    return space.axes.unrotate(solved[0, :, :-1], solved[0, :, -1])


def test_weights_help_where_the_two_are_unrelated_and_cost_where_they_agree():
    evidence, read = asked(8)
    found = repair(evidence, read)
    assert found.best.kept
    assert found.best.name == "weights"
    assert found.best.gain.value > 0
    assert found.best.price.value < 0
    assert found.best.opposing.value > 0.1
    assert fair_accuracy(found.weights, found.bias) > fair_accuracy(*plain_head(evidence)) + 0.03
    assert found.weights.shape == (2, 12)


def test_a_pool_erases_and_asks_in_plain_coordinates():
    evidence, read = asked(4)
    _, vectors, _ = planted(60, seed=7)
    values = (vectors[:, 2] > 0).astype(int)  # man and woman
    found = repair(evidence, read, Pool(vectors, values, "240 images of a pool"))
    assert {each.name for each in found.candidates} == {"weights", "pool"}
    assert [each.kept for each in found.candidates] == [True, False]
    assert fair_accuracy(found.weights, found.bias) > fair_accuracy(*plain_head(evidence)) + 0.05
    if found.best.name == "pool":
        rows = found.beside.folds == 0
        again = found.beside.answer(found.beside.coordinates[rows], 0)
        assert (again.argmax(axis=1) == found.beside.scores[rows].argmax(axis=1)).all()
        assert np.array_equal(found.beside.coordinates, evidence.space.coordinates)
    after = dataclasses.replace(evidence, beside=found.beside)
    before = audit_columns(evidence, {"sex": evidence.dataset.attributes["sex"]}, name="run")
    again = audit_columns(after, {"sex": evidence.dataset.attributes["sex"]}, name="run")
    assert again.columns[0].change < before.columns[0].change


def test_where_nothing_is_confounded_nothing_is_won():
    evidence, read = asked(60)
    found = repair(evidence, read)
    assert abs(found.best.gain.value) < 0.03
    assert found.best.gain.low <= 0 <= found.best.gain.high


def test_a_repair_that_is_worse_is_not_kept():
    evidence, read = asked(8)
    truth = np.stack([1 - 2 * evidence.targets, 2 * evidence.targets - 1], axis=1)
    perfect = dataclasses.replace(evidence, scores=20.0 * truth)
    found = repair(perfect, read)
    assert not found.best.kept
    assert found.best.gain.value < 0


def test_classes_and_their_values_count_alike():
    targets, values = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 0, 0])
    mean = cells_alike(targets, values)
    numbers = np.array([0.0, 0, 0, 1, 1, 0])
    assert mean(np.ones((1, 6)), numbers) == pytest.approx([0.5])
    without = mean(np.array([[1.0, 1, 1, 1, 0, 0]]), numbers)
    assert without == pytest.approx([0.5]), "a class that was not drawn is left out"


def test_a_repair_is_kept_where_held_out_images_surely_tell_that_it_helps():
    sure, unsure = Estimate(0.05, 0.01, 0.09, 100, "x"), Estimate(0.05, -0.01, 0.11, 100, "x")
    fewer = Estimate(-0.01, -0.05, 0.03, 100, "x")
    trial = RepairTrial("weights", "", gain=unsure, loss=sure, opposing=None, price=fewer)
    assert trial.pays
    assert not dataclasses.replace(trial, loss=unsure).pays, "beyond what they can tell"
    assert not dataclasses.replace(trial, gain=fewer).pays
