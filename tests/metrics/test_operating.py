"""Detections above one score: shares, the best score, and counts of objects."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.metrics.matching import FlatBoxes, match_boxes
from headstart.metrics.operating import (
    best_threshold,
    count_bias,
    count_error,
    count_table,
    operating_point,
)

from .boxed import boxes_of, random_case

TRUTH = [[(0, 0, 0, 50, 50), (1, 60, 0, 90, 50)], [(0, 0, 0, 50, 50)], []]
FOUND = [
    [(0, 0, 0, 50, 50, 0.9), (0, 0, 0, 50, 50, 0.3)],
    [(0, 200, 0, 250, 50, 0.6), (0, 0, 0, 50, 50, 0.8)],
    [(1, 0, 0, 50, 50, 0.4)],
]


def matches():
    return match_boxes(boxes_of(FOUND, scores=True), boxes_of(TRUTH), 2)


@pytest.mark.parametrize(
    ("threshold", "precision", "recall"),
    [(0.7, 1.0, 2 / 3), (0.6, 2 / 3, 2 / 3), (0.0, 2 / 5, 2 / 3), (0.95, np.nan, 0.0)],
)
def test_shares_at_a_score(threshold, precision, recall):
    found = operating_point(matches(), threshold)
    assert found["precision"].value == pytest.approx(precision, nan_ok=True)
    assert found["recall"].value == pytest.approx(recall)
    both = 2 * np.nan_to_num(precision) * recall / max(np.nan_to_num(precision) + recall, 1e-9)
    assert found["f1"].value == pytest.approx(both)


def test_shares_under_weights():
    found = operating_point(matches(), 0.5)
    weights = np.array([[2.0, 1, 0], [0, 0, 1]])
    assert found["precision"](weights)[0] == pytest.approx(3 / 4)
    assert found["recall"](weights)[0] == pytest.approx(3 / 5)
    assert np.isnan(found["recall"](weights)[1])


def test_the_best_score_lies_between_two_and_no_other_is_better():
    assert best_threshold(matches()) == pytest.approx(0.7)
    found, truth = random_case(3)
    many = match_boxes(found, truth, 3)
    best = best_threshold(many)
    top = operating_point(many, best)["f1"].value
    assert all(
        operating_point(many, each)["f1"].value <= top + 1e-12 for each in np.unique(found.scores)
    )
    assert best_threshold(match_boxes(boxes_of([[]], scores=True), boxes_of([[]]), 1)) == 0.5


def test_objects_are_counted():
    counted, true = count_table(matches(), 0.35)
    assert counted.tolist() == [[1, 0], [2, 0], [0, 1]]
    assert true.tolist() == [[1, 1], [1, 0], [0, 0]]
    assert count_error(matches(), 0.35).value == pytest.approx(1.0)
    assert count_bias(matches(), 0.35).value == pytest.approx(1 / 3)


def test_what_lies_on_a_crowd_is_not_counted():
    truth = boxes_of(TRUTH)
    truth = FlatBoxes(
        truth.offsets, truth.corners, truth.classes, crowd=np.array([True, False, False])
    )
    counted, true = count_table(match_boxes(boxes_of(FOUND, scores=True), truth, 2), 0.1)
    assert counted[0].tolist() == [0, 0]
    assert true[0].tolist() == [0, 1]
