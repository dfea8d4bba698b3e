"""What held-out images say of a way to find boxes."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.images.preprocess import Preprocess
from headstart.metrics.detection import average_precision
from headstart.strategies.boxes.held import HeldBoxes, held_gain
from headstart.strategies.boxes.material import BoxMaterial

SIZES = Preprocess(size=64, geometry="pad")


def material(n: int = 12, empty: tuple[int, ...] = ()) -> BoxMaterial:
    """A box on every image, of one of two classes."""
    boxes = tuple(
        np.zeros((0, 4), np.float32) if i in empty
        else np.array([[10, 10, 30 + i, 40]], np.float32) for i in range(n)
    )  # fmt: skip
    kinds = tuple(np.full(len(own), i % 2) for i, own in enumerate(boxes))
    return BoxMaterial(np.arange(n), SIZES, boxes, kinds, kinds, ("cat", "dog"))


def found(given: BoxMaterial, noise: float, rows: np.ndarray) -> HeldBoxes:
    """The true boxes, moved, and false ones with lower scores."""
    rng = np.random.default_rng(4)
    boxes = np.zeros((len(rows), 3, 4))
    scores = np.tile([0.8, 0.3, 0.0], (len(rows), 1)) + 0.1 * rng.random((len(rows), 3))
    scores[:, 2] = 0
    labels = np.zeros((len(rows), 3), np.int64)
    for at, row in enumerate(rows.tolist()):
        if len(given.boxes[row]):
            boxes[at, 0] = given.boxes[row][0] + noise * rng.normal(size=4)
            labels[at, 0] = given.kinds[row][0]
        boxes[at, 1] = (40, 40, 60, 60)
    return HeldBoxes(rows, {"boxes": boxes, "scores": scores, "labels": labels}, "5 folds")


def test_the_threshold_lies_between_right_and_wrong_and_scores_are_told_as_chances():
    given = material(40)
    held = found(given, 0.3, np.arange(40))
    assert average_precision(held.matches(given)).value > 0.8
    operating = held.operating(given)
    a, b = operating.calibration
    right, wrong = (1 / (1 + np.exp(-(a * np.log(s / (1 - s)) + b))) for s in (0.85, 0.35))
    assert right > 0.9
    assert wrong < 0.1
    assert wrong < operating.threshold < right


def test_some_of_the_rows_are_compared():
    given = material()
    good, bad = found(given, 0.3, np.arange(12)), found(given, 9.0, np.arange(4, 12))
    rows = np.array([5, 7, 8, 10])
    gain, mine = held_gain(
        good.matches(given, rows), bad.matches(given, rows), np.arange(4), seed=0
    )
    assert gain.value > 0.3
    assert gain.low <= gain.value <= gain.high
    assert mine.value == pytest.approx(average_precision(good.matches(given, rows)).value)


def test_what_was_found_on_others_is_added_in_the_order_of_images():
    given = material(12)
    whole = found(given, 0.3, np.arange(12))
    few, others = np.array([1, 4, 11]), np.array([0, 2, 3, 5, 6, 7, 8, 9, 10])
    part, rest = (
        HeldBoxes(rows, {name: each[rows] for name, each in whole.found.items()}, whole.how)
        for rows in (few, others)
    )
    both = part.joined(rest)
    assert both.rows.tolist() == list(range(12))
    for name, each in whole.found.items():
        np.testing.assert_array_equal(both.found[name], each)


def test_images_without_any_object_say_nothing():
    given = material(5, empty=tuple(range(5)))
    held = found(given, 0.3, np.arange(5))
    assert held.operating(given).calibration is None
    matches = held.matches(given)
    assert held_gain(matches, matches, np.arange(5), seed=0)[0] is None
