"""Scores become how often such a box is right."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.metrics.platt import fit_scores


def test_a_known_calibration_is_found_again():
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.02, 0.98, 40_000)
    logit = np.log(scores / (1 - scores))
    right = rng.random(len(scores)) < 1 / (1 + np.exp(-(1.7 * logit - 0.6)))
    found = fit_scores(scores, right)
    assert found == pytest.approx((1.7, -0.6), abs=0.05)


def test_it_is_what_scikit_learn_finds():
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(1)
    scores = rng.beta(1, 4, 3000)
    right = rng.random(3000) < scores**0.5
    logit = np.log(np.clip(scores, 1e-6, 1 - 1e-6) / np.clip(1 - scores, 1e-6, 1))
    own = linear.LogisticRegression(C=1e9).fit(logit[:, None], right)
    found = fit_scores(scores, right)
    assert found == pytest.approx((own.coef_[0, 0], own.intercept_[0]), abs=0.02)


@pytest.mark.parametrize("right", [[], [1] * 40, [0] * 40, [1, 0] + [0] * 38])
def test_too_little_fits_nothing(right):
    scores = np.linspace(0.1, 0.9, len(right))
    assert fit_scores(scores, np.array(right, bool)) is None


def test_higher_scores_that_are_worse_fit_nothing():
    scores = np.linspace(0.05, 0.95, 100)
    assert fit_scores(scores, scores < 0.5) is None
    assert fit_scores(np.full(100, np.nan), np.ones(100, bool)) is None
