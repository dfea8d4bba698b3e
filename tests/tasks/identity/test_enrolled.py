"""Scores against the means of the enrolled."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.tasks.identity.enrolled import enrolled_scores


def test_scores_of_the_enrolled():
    """Written out: cosine to the mean of each person's other images, divided by 0.1."""
    rng = np.random.default_rng(0)
    unit = rng.normal(size=(7, 5)).astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    who = np.array([4, 4, 4, 9, 9, 2, 4])
    scores, truth, asked = enrolled_scores(unit, who, np.array([0, 1, 2, 3, 4, 5, 0]))
    assert truth.tolist() == [1, 1, 1, 2, 2, 0, 1]
    assert asked.tolist() == [True] * 5 + [False, True]
    others = unit[[1, 2]].sum(axis=0)  # 6 is a copy of 0
    assert scores[0, 1] == pytest.approx(10 * unit[0] @ others / np.linalg.norm(others), rel=1e-5)
    both = unit[[3, 4]].sum(axis=0)
    assert scores[0, 2] == pytest.approx(10 * unit[0] @ both / np.linalg.norm(both), rel=1e-5)
