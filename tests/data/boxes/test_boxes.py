"""Boxes as labels: taken apart and counted; nothing there and not annotated are two things."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.data.boxes.boxes import Boxes, box_text
from headstart.data.labels import counts_of


def some(**more) -> Boxes:
    """Four items: two cats and a dog, nothing, not annotated, a dog."""
    corners = np.array([[0, 0, 4, 4], [2, 2, 9, 9], [1, 0, 3, 8], [5, 5, 7, 7]], float)
    given = {
        "names": ("cat", "dog"), "offsets": np.array([0, 3, 3, 3, 4]), "corners": corners,
        "classes": np.array([0, 0, 1, 1]), "annotated": np.array([True, True, False, True]),
        "sizes": np.full((4, 2), 10),
    }  # fmt: skip
    return Boxes(**given | more)


def test_what_is_known_and_what_is_said():
    labels = some()
    assert len(labels) == 4
    assert labels.known.tolist() == [True, True, False, True]
    assert [labels.text(i) for i in range(4)] == ["cat 2, dog 1", "no object", "", "dog 1"]
    assert labels.items.tolist() == [0, 0, 0, 3]
    assert labels.tallies.tolist() == [[2, 1], [0, 0], [0, 0], [0, 1]]
    assert box_text(("a",), np.array([], int)) == "no object"


def test_strata_are_the_rarest_class_and_nothing_is_one_too():
    labels = some()
    assert labels.strata.tolist() == [0, 2, -1, 1]
    assert labels.kinds == ("cat", "dog", "no object")
    assert counts_of(labels) == {"cat": 1, "dog": 2, "no object": 1}
    full = labels.take(np.array([0, 3]))
    assert full.kinds == ("cat", "dog")
    assert full.strata.tolist() == [0, 1]


def test_items_are_taken_in_any_order():
    labels = some(difficult=np.array([False, True, False, True]), flaws=("x", "", "", "y"))
    back = labels.take(np.array([3, 2, 0, 1]))
    assert back.offsets.tolist() == [0, 1, 1, 4, 4]
    assert back.corners[0].tolist() == [5, 5, 7, 7]
    assert back.corners[1:].tolist() == labels.corners[:3].tolist()
    assert back.difficult.tolist() == [True, False, True, False]
    assert back.flaws == ("y", "", "x", "")
    assert back.known.tolist() == [True, False, True, True]
    masked = labels.take(np.array([False, False, True, True]))
    assert masked.text(1) == "dog 1"
    assert len(labels.take(np.array([], int))) == 0


def test_what_has_no_area_on_the_image_is_not_usable():
    corners = [
        [0, 0, 4, 4], [3, 3, 3, 8], [6, 2, 4, 9], [-5, -5, 2, 3], [11, 2, 14, 8],
        [np.nan, 0, 2, 2], [8, 8, 30, 30],
    ]  # fmt: skip
    n = len(corners)
    labels = Boxes(
        ("a",), np.array([0, n]), np.array(corners, float), np.zeros(n, int), np.array([True]),
        np.array([[10, 10]]),
    )  # fmt: skip
    assert labels.usable.tolist() == [True, False, False, True, False, False, True]
    sound = labels.sound
    assert sound.corners.tolist() == [[0, 0, 4, 4], [0, 0, 2, 3], [8, 8, 10, 10]]
    assert sound.counts.tolist() == [3]
    unknown = Boxes(
        ("a",), np.array([0, 1]), np.array([[8.0, 8, 30, 30]]), np.zeros(1, int), np.array([True])
    )
    assert unknown.sound.corners.tolist() == [[8, 8, 30, 30]], "no size, nothing to clip to"


def test_copies_contradict_each_other_by_what_is_on_them():
    labels = some().take(np.array([0, 0, 1, 2, 3]))
    assert not labels.conflict(0, 1)
    assert labels.conflict(0, 2)
    assert labels.conflict(2, 4)
    assert not labels.conflict(0, 3), "nobody looked at one of them"
    many = Boxes(
        ("a",), np.array([0, 10, 19, 26]), np.tile([0.0, 0, 4, 4], (26, 1)), np.zeros(26, int),
        np.ones(3, bool), np.full((3, 2), 10),
    )  # fmt: skip
    assert many.conflict(0, 1)
    assert not many.conflict(0, 1, near=True), "one of ten may have left the picture"
    assert many.conflict(0, 2, near=True)


def test_boxes_in_another_place_are_a_conflict():
    corners = np.array([[10, 10, 30, 30], [11, 10, 30, 30], [40, 10, 60, 30]], float)
    labels = Boxes(
        ("a",), np.arange(4), corners, np.zeros(3, int), np.ones(3, bool), np.full((3, 2), 100)
    )
    assert not labels.conflict(0, 1)
    assert labels.conflict(0, 2)


@pytest.mark.parametrize(
    "wrong",
    [{"offsets": np.array([0, 4])}, {"corners": np.zeros((4, 3))}, {"sizes": np.ones((3, 2))},
     {"offsets": np.array([0, 3, 3, 3, 3])}, {"crowd": np.ones(3, bool)}],
)  # fmt: skip
def test_arrays_of_other_lengths_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        some(**wrong)
