"""What arms are chosen by."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, jaccard_score

from headstart.probe.dense_scores import (
    confusions,
    dense_temperature,
    mean_overlap,
    paired_gain,
    same_sharpness,
    sharpness,
)

RNG = np.random.default_rng(0)


def test_counts_are_those_of_scikit_learn():
    scores = RNG.normal(size=(3, 4, 8, 8)).astype(np.float32)
    truth = RNG.integers(0, 4, (3, 8, 8)).astype(np.uint8)
    truth[:, 0] = 255
    counts = confusions(scores, truth)
    known = truth < 4
    answers = scores.argmax(1)[known]
    assert (counts.sum(0) == confusion_matrix(truth[known], answers)).all()
    wanted = jaccard_score(truth[known], answers, average="macro")
    assert np.isclose(mean_overlap(counts.sum(0)), wanted)


def test_absent_classes_do_not_count():
    assert np.isclose(
        mean_overlap(np.array([[8, 2, 0], [0, 10, 0], [0, 0, 0]])), (0.8 + 10 / 12) / 2
    )


def test_the_better_of_two_is_seen_with_an_interval():
    worse = np.tile(np.array([[80, 20], [20, 80]]), (12, 1, 1))
    better = np.tile(np.array([[95, 5], [5, 95]]), (12, 1, 1))
    value, low, high = paired_gain(better, worse, np.arange(12))
    assert low <= value <= high
    assert low > 0
    assert paired_gain(worse, worse, np.arange(12)) == (0.0, 0.0, 0.0)


def test_too_sure_scores_are_cooled():
    truth = RNG.random((4, 8, 8)) < 0.5
    right = RNG.random(truth.shape) < 0.8
    scores = np.where((truth == right)[:, None], [[[-8.0]], [[8.0]]], [[[8.0]], [[-8.0]]])
    told = truth.astype(np.uint8)
    found = dense_temperature(scores, told)
    assert found > 4
    larger = told.repeat(3, axis=1).repeat(3, axis=2)  # of another size than the scores
    assert abs(dense_temperature(scores, larger) / found - 1) < 0.02
    assert dense_temperature(scores, np.full_like(told, 255)) == 1.0


def test_who_grew_surer_is_made_as_sure_as_before():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3, 4, 8, 8)).astype(np.float16)
    truth = rng.integers(0, 5, (3, 16, 16)).astype(np.uint8)  # 4 is no class
    before = sharpness(scores, truth, 1.3)
    assert same_sharpness(3 * scores, truth, before) == pytest.approx(3.9, rel=0.01)
    nothing = np.full_like(truth, 255)
    assert same_sharpness(scores, nothing, sharpness(scores, nothing, 1.0)) == 1.0
