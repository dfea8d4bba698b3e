"""Judging an embedding by people who were held out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from headstart.metrics.retrieval import neighbour_loss
from headstart.tasks.identity.validation import ValidationIdentities

WHO = np.array([0, 0, 1, 1])


def judge(vectors: np.ndarray, copies: np.ndarray) -> tuple[float, float, float]:
    return ValidationIdentities(None, WHO, copies).judge(vectors)  # type: ignore[arg-type]


def test_judging_by_hand():
    unit = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8]], np.float32)
    measure, accuracy, loss = judge(unit, np.arange(4))
    # The second image is nearer to the fourth (0.96) than to the first (0.8), and so the fourth.
    assert accuracy == measure == 0.5
    assert loss == pytest.approx(neighbour_loss(unit, WHO))


def test_finding_a_copy_is_no_merit():
    unit = np.eye(2, dtype=np.float32)[WHO]
    assert judge(unit, np.arange(4))[:2] == (1.0, 1.0)
    assert judge(unit, np.array([0, 0, 1, 1])) == (0.0, 0.0, math.inf)


def test_vectors_that_are_no_numbers_are_the_worst():
    assert judge(np.full((4, 2), np.nan, np.float32), np.arange(4)) == (0.0, 0.0, math.inf)
