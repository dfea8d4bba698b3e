"""Intersection over union, as pycocotools computes it."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.metrics.overlap import overlaps


def test_known_overlaps():
    one = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6]], float)
    other = np.array([[0, 0, 2, 2], [2, 0, 4, 2], [0, 0, 4, 4]], float)
    assert np.allclose(overlaps(one, other), [[1, 0, 0.25], [1 / 7, 1 / 7, 0.25], [0, 0, 0]])


def test_of_a_crowd_the_detection_is_the_union():
    one, other = np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 0, 4, 4], [0, 0, 4, 4]])
    assert overlaps(one, other, np.array([False, True])).tolist() == [[0.25, 1.0]]


def test_nothing_against_something_and_boxes_without_area():
    some = np.array([[0.0, 0, 2, 2]])
    assert overlaps(np.zeros((0, 4)), some).shape == (0, 1)
    assert overlaps(some, np.zeros((0, 4))).shape == (1, 0)
    assert overlaps(np.zeros((1, 4)), np.zeros((1, 4))).tolist() == [[0.0]]


def test_it_is_that_of_pycocotools_to_the_last_digit():
    mask = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed")
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 80, (2, 60, 2))
    sides = rng.uniform(0, 40, (2, 60, 2))
    crowd = rng.random(60) < 0.3
    # pycocotools takes sizes and adds them up again, so the corners must be those sums.
    one, other = np.concatenate([low, sides], axis=2)
    corners = [np.hstack([b[:, :2], b[:, :2] + b[:, 2:]]) for b in (one, other)]
    found = overlaps(*corners, crowd)
    assert np.abs(found - mask.iou(one, other, crowd.astype(np.uint8))).max() < 1e-12
