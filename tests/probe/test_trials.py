"""What is tried on one feature set: each trial is judged by scores of items it never saw."""

from __future__ import annotations

import numpy as np
import pytest
from tests.probe.vectors import even, vectors_of

from headstart.data.splits.split import folds
from headstart.probe.classifiers import make_space
from headstart.probe.trials import (
    Grid,
    Ground,
    attempt,
    calibrated_losses,
    drawn_by_class,
    hit_rates,
    judged_by,
)

GRID = Grid(logistic=(1, 10), svm=(1,), neighbours=(1, 5))


def ground_of(y: np.ndarray) -> Ground:
    draws = np.stack([folds(y, np.arange(len(y)), k=4, seed=seed) for seed in range(2)])
    counts = np.bincount(y)
    return Ground(y, draws, counts, len(counts), uneven=False, criterion="accuracy")


def test_accuracy_and_the_mean_of_recalls():
    scores = np.eye(2)[[[0, 0, 0, 1], [0, 0, 1, 1]]]
    accuracy, balanced = hit_rates(scores, np.array([0, 0, 0, 1]), np.array([3, 1]))
    assert accuracy == pytest.approx(7 / 8)
    assert balanced == pytest.approx((2.5 / 3 + 1) / 2)


def test_noise_is_judged_as_noise_and_signal_as_signal():
    y = even(120)
    space = make_space(vectors_of(y), np.arange(28))
    signal = attempt("x", space, 28, GRID, ground_of(y), look=0)
    noise = attempt(
        "x", space, 28, GRID, ground_of(np.random.default_rng(0).permutation(y)), look=0
    )
    assert signal.best.value > 0.8
    assert noise.best.value < 0.6
    assert len(signal.trials) == 6
    assert signal.linear is None


def test_for_an_average_the_best_linear_one_is_kept_by_its_loss():
    y = even(120)
    space = make_space(vectors_of(y), np.arange(28))
    grid = Grid(logistic=(1, 10), svm=(1,), neighbours=(1, 5), looks=1)
    found = attempt("x", space, 28, grid, ground_of(y), look=3)
    linear = [each for each in found.trials if each.config.classifier in ("logistic", "svm")]
    assert found.linear.look == 3
    assert found.linear.config == min(linear, key=lambda each: each.log_loss).config
    assert np.allclose(np.exp(found.linear.held_out).sum(axis=1), 1, atol=1e-5)


def test_a_stratified_draw_keeps_the_shares_of_classes():
    y = np.repeat([0, 1, 2], [600, 300, 100])
    some = drawn_by_class(y, 100, seed=1)
    assert np.bincount(y[some]).tolist() == pytest.approx([60, 30, 10], abs=1)
    assert len(np.unique(some)) == 100
    assert drawn_by_class(y, 1000).tolist() == list(range(1000))


def test_what_trials_are_judged_by():
    assert judged_by(np.array([10, 12, 0])) == ("accuracy", False)
    assert judged_by(np.array([10, 16])) == ("accuracy", True)
    assert judged_by(np.array([10, 21])) == ("balanced accuracy", True)


def test_losses_are_those_at_the_best_temperature():
    y = even(60)
    scores = 9 * np.eye(3)[y] + np.random.default_rng(0).normal(size=(60, 3))
    found = calibrated_losses(scores, y)
    assert found.shape == (60,)
    assert found.mean() == pytest.approx(calibrated_losses(7 * scores, y).mean(), abs=1e-3)
