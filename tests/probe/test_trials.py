"""What is tried on one feature set: each trial is judged by scores of items it never saw."""

from __future__ import annotations

import numpy as np
import pytest
from tests.probe.vectors import even, vectors_of

from headstart.data.split import folds
from headstart.probe.classifiers import make_space
from headstart.probe.trials import Grid, Ground, attempt, hit_rates

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
