"""Judging by held-out images: accuracy, balanced accuracy, log-loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headstart.tasks.classification.validation import Validation


def test_judging():
    targets = np.array([0, 0, 0, 1])
    scores = np.log(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]], np.float32))
    validation = Validation(None, targets)  # type: ignore[arg-type]
    measure, accuracy, loss = validation.judge(scores)
    assert measure == accuracy == 0.75
    assert loss == pytest.approx(-np.log([0.9, 0.8, 0.3, 0.6]).mean(), rel=1e-5)
    measure, accuracy, _ = replace(validation, balanced=True).judge(scores)
    assert accuracy == 0.75
    assert measure == pytest.approx((2 / 3 + 1) / 2)
    assert validation.judge(scores + 1e4)[2] == pytest.approx(loss, rel=1e-3)


def test_a_class_that_was_not_held_out_is_not_judged():
    validation = Validation(None, np.array([0, 2]), True)  # type: ignore[arg-type]
    assert validation.judge(np.eye(3, dtype=np.float32)[[0, 2]])[0] == 1.0
