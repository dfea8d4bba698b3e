"""Who takes which true box: by score, by overlap, with crowds and difficult ones last."""

from __future__ import annotations

import numpy as np

from headstart.metrics.matching import IOUS, RANGES, FlatBoxes, match_boxes

from .boxed import boxes_of


def matched(found, truth, classes=2, **flags):
    true = boxes_of(truth)
    true = FlatBoxes(
        true.offsets, true.corners, true.classes, **{k: np.array(v) for k, v in flags.items()}
    )
    return match_boxes(boxes_of(found, scores=True), true, classes)


def test_the_most_certain_takes_the_box_and_the_next_is_one_too_many():
    found = [[(0, 0, 0, 100, 90, 0.5), (0, 0, 0, 100, 100, 0.4), (1, 0, 0, 100, 100, 0.9)]]
    matches = matched(found, [[(0, 0, 0, 100, 100)]])
    assert matches.hits[0, 0].tolist() == [True, False, False]
    assert matches.hits[0, -1].tolist() == [False, True, False], "at 0.95 only the other fits"
    assert matches.ranks.tolist() == [0, 1, 0]
    assert matches.partners.tolist() == [0, -1, -1]
    assert not matches.passed[0].any()
    assert matches.positives[0].tolist() == [[1, 0]]


def test_the_best_free_box_is_taken():
    truth = [[(0, 0, 0, 100, 100), (0, 0, 20, 100, 120)]]
    found = [[(0, 0, 8, 100, 108, 0.9), (0, 0, 8, 100, 108, 0.8), (0, 0, 8, 100, 108, 0.7)]]
    matches = matched(found, truth)
    assert matches.partners.tolist() == [0, 1, -1]


def test_boxes_of_other_images_are_no_business():
    matches = matched([[], [(0, 0, 0, 9, 9, 0.9)]], [[(0, 0, 0, 9, 9)], []])
    assert not matches.hits.any()
    assert matches.positives[0, :, 0].tolist() == [1, 0]


def test_crowds_and_difficult_ones_pass_over_what_they_take():
    truth = [[(0, 0, 0, 100, 100), (0, 200, 0, 300, 100)]]
    found = [[(0, 0, 0, 50, 50, 0.9), (0, 50, 50, 100, 100, 0.8), (0, 0, 0, 100, 100, 0.7),
              (0, 200, 0, 300, 100, 0.6), (0, 400, 0, 420, 20, 0.5)]]  # fmt: skip
    crowd = matched(found, truth, crowd=[True, False])
    assert crowd.passed[0, 0].tolist() == [True, True, True, False, False]
    assert crowd.hits[0, 0].tolist() == [False, False, False, True, False]
    assert crowd.positives[0].tolist() == [[1, 0]]
    difficult = matched(found, truth, difficult=[True, False])
    assert difficult.passed[0, 0].tolist() == [False, False, True, False, False]
    twice = matched([[*found[0], (0, 0, 0, 100, 99, 0.3)]], truth, difficult=[True, False])
    assert twice.passed[0, 0].tolist() == [False, False, True, False, False, True]


def test_what_counts_goes_before_what_is_passed_over():
    truth = [[(0, 0, 0, 100, 100), (0, 0, 0, 100, 90)]]
    matches = matched([[(0, 0, 0, 100, 100, 0.9)]], truth, difficult=[True, False])
    assert matches.partners.tolist() == [1]
    assert matches.hits[0, 0].all()


def test_sizes_of_objects_count_their_own_only():
    truth = [[(0, 0, 0, 20, 20), (0, 100, 100, 160, 160)]]
    found = [[(0, 0, 0, 20, 20, 0.9), (0, 100, 100, 160, 160, 0.8), (0, 300, 300, 450, 450, 0.7)]]
    matches = matched(found, truth)
    sizes = list(RANGES)
    assert matches.positives[:, 0, 0].tolist() == [2, 1, 1, 0]
    assert matches.hits[sizes.index("small"), 0].tolist() == [True, False, False]
    assert matches.passed[sizes.index("small"), 0].tolist() == [False, True, True]
    assert matches.passed[sizes.index("large"), 0].tolist() == [True, True, False]


def test_nothing_found_nothing_true_and_equal_scores():
    assert matched([[], []], [[(0, 0, 0, 9, 9)], []]).hits.shape == (len(RANGES), len(IOUS), 0)
    assert not matched([[(0, 0, 0, 9, 9, 0.5)]], [[]]).hits.any()
    same = [[(0, 0, 0, 9, 9, 0.5), (0, 0, 0, 9, 9, 0.5)]]
    assert matched(same, [[(0, 0, 0, 9, 9)]]).hits[0, 0].tolist() == [True, False]
