from __future__ import annotations

import numpy as np
import pytest

from headstart.metrics.vectors import unit_rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_have_length_one_and_keep_their_type(dtype):
    rows = np.random.default_rng(0).normal(0, 5, (20, 7)).astype(dtype)
    unit = unit_rows(rows)
    assert unit.dtype == dtype
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(unit * np.linalg.norm(rows, axis=1, keepdims=True), rows, rtol=1e-5)


def test_zero_rows_stay_zero():
    assert not unit_rows(np.zeros((2, 3), np.float32)).any()


def test_what_is_shorter_than_the_least_is_not_blown_up():
    rows = np.array([[1e-7, 0], [3, 4]])
    np.testing.assert_allclose(unit_rows(rows, least=1e-6), [[0.1, 0], [0.6, 0.8]])


def test_no_rows_are_no_rows():
    assert unit_rows(np.zeros((0, 3), np.float32)).shape == (0, 3)
