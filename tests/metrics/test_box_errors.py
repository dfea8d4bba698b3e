"""Each kind of error, planted once."""

from __future__ import annotations

import numpy as np

from headstart.metrics.box_errors import KINDS, box_errors
from headstart.metrics.matching import FlatBoxes, match_boxes

from .boxed import boxes_of

TRUTH = [[(0, 0, 0, 100, 100), (1, 200, 0, 300, 100), (0, 0, 200, 100, 300), (1, 400, 0, 440, 40)]]
FOUND = [
    [
        (0, 0, 0, 100, 100, 0.9),  # right
        (0, 2, 0, 100, 100, 0.8),  # double
        (0, 200, 0, 300, 100, 0.7),  # class
        (0, 60, 200, 160, 300, 0.6),  # place
        (0, 260, 0, 360, 100, 0.5),  # both
        (1, 700, 700, 720, 720, 0.4),  # background
        (1, 700, 700, 720, 720, 0.1),  # below the score
    ]
]


def errors(threshold=0.2, **flags):
    found, truth = boxes_of(FOUND, scores=True), boxes_of(TRUTH)
    truth = FlatBoxes(
        truth.offsets, truth.corners, truth.classes, **{k: np.array(v) for k, v in flags.items()}
    )
    return box_errors(found, truth, match_boxes(found, truth, 2), threshold)


def test_every_kind_is_told():
    found = errors()
    names = [KINDS[kind] if kind >= 0 else "" for kind in found.kinds]
    assert names == ["", "double", "class", "place", "both", "background", ""]
    assert found.others.tolist() == [-1, 0, 1, 2, 1, -1, -1]
    assert found.missed.tolist() == [False, False, False, True], "two others are nearly found"
    assert found.totals == dict.fromkeys(KINDS, 1)


def test_above_a_higher_score_less_is_wrong_and_more_is_missed():
    found = errors(0.85)
    assert (found.kinds < 0).all()
    assert found.missed.tolist() == [False, True, True, True]
    assert found.counts.tolist() == [[0, 0, 0, 0, 0, 3]]


def test_difficult_objects_are_nobodys_error():
    found = errors(0.85, difficult=[False, True, True, True])
    assert not found.missed.any()


def test_without_true_boxes_all_is_background():
    found = boxes_of([[(0, 0, 0, 9, 9, 0.9)], []], scores=True)
    truth = boxes_of([[], []])
    made = box_errors(found, truth, match_boxes(found, truth, 1), 0.5)
    assert made.totals["background"] == 1
    assert made.counts.sum() == 1
