"""Detections: taken apart and joined, compared, told to people and to programs."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from headstart.predictions import columns_of
from headstart.records import to_json
from headstart.stacking import concatenate
from headstart.tasks.detection.detections import Detections


def some(**more) -> Detections:
    """Four images: a cat and two dogs, nothing, not readable, a dog."""
    given = {
        "names": ("a.jpg", "b.jpg", "c.jpg", "d.jpg"), "classes": ("cat", "dog"),
        "offsets": np.array([0, 4, 4, 4, 5]),
        "corners": np.array([[0, 0, 4, 4], [2, 2, 9, 9], [1, 0, 3, 8], [0, 0, 1, 1], [5, 5, 7, 7]],
                            float),
        "scores": np.array([0.6, 0.9, 0.7, 0.2, 0.8]), "labels": np.array([0, 1, 1, 0, 1]),
        "sizes": np.full((4, 2), (20, 10)), "errors": {"c.jpg": "torn"}, "threshold": 0.5,
    }  # fmt: skip
    return Detections(**given | more)


def test_answers_are_what_reaches_the_threshold():
    found = some()
    assert [found.text(i) for i in range(4)] == ["dog 2, cat 1", "no object", "torn", "dog 1"]
    assert found.answers().tolist() == ["dog 2, cat 1", "no object", "", "dog 1"]
    assert found.answered.tolist() == [True, True, False, True]
    assert found.rows(0).tolist() == [1, 2, 0]
    assert found.rows(0, 0.1).tolist() == [1, 2, 0, 3]
    assert some(threshold=0.65).text(0) == "dog 2"
    assert "4 images, 4 objects" in repr(found)


def test_a_record_is_ready_for_json_and_tables():
    record = json.loads(to_json(some().record(0)))
    assert record["count"] == {"cat": 1, "dog": 2}
    assert (record["width"], record["height"]) == (20, 10)
    assert record["objects"][0] == {"class": "dog", "score": 0.9, "box": [2.0, 2.0, 9.0, 9.0]}
    assert some().record(1)["objects"] == []
    assert some().record(2) == {"name": "c.jpg", "error": "torn"}
    assert columns_of(some().record(0))["count(dog)"] == 2


def test_items_are_taken_and_joined():
    found = some()
    back = found.take(np.array([3, 2, 0]))
    assert back.names == ("d.jpg", "c.jpg", "a.jpg")
    assert back.offsets.tolist() == [0, 1, 1, 5]
    assert back.scores.tolist() == [0.8, 0.6, 0.9, 0.7, 0.2]
    assert back.errors == {"c.jpg": "torn"}
    assert found.take(np.array([True, False, False, True])).errors == {}
    whole = concatenate([back, found.take(np.array([1]))])
    again = whole.take(np.array([2, 3, 1, 0]))
    assert [again.record(i) for i in range(4)] == [found.record(i) for i in range(4)]
    assert len(found.take(np.array([], int))) == 0


def test_parts_of_images_keep_their_places():
    boxes = np.arange(16.0).reshape(4, 4)
    found = some(boxes=boxes)
    assert found.take(np.array([1])).record(0)["box"] == [4.0, 5.0, 6.0, 7.0]
    assert concatenate([found, found]).boxes.shape == (8, 4)


def test_agreement_is_of_boxes_above_the_threshold():
    found = some()
    assert found.agrees(found).all()
    changed = dataclasses.replace(found, corners=found.corners.copy())
    changed.corners[3] = [7, 7, 9, 9]  # below the threshold
    assert found.agrees(changed).all()
    changed.corners[1] += 1
    assert found.agrees(changed).tolist() == [False, True, True, True]
    other = dataclasses.replace(found, labels=np.array([0, 1, 1, 0, 0]))
    assert found.agrees(other).tolist() == [True, True, True, False]
    less = dataclasses.replace(found, scores=np.array([0.6, 0.9, 0.4, 0.2, 0.8]))
    assert not found.agrees(less)[0]
    assert not less.agrees(found)[0], "either way"
    edge = dataclasses.replace(found, scores=np.array([0.5004, 0.9, 0.7, 0.2, 0.8]))
    gone = dataclasses.replace(found, scores=np.array([0.4998, 0.9, 0.7, 0.2, 0.8]))
    assert edge.agrees(gone).all(), "as near to the threshold as that it may be missing"
    readable = dataclasses.replace(found, errors={})
    assert found.agrees(readable).tolist() == [True, True, False, True]


def test_a_notebook_shows_the_answers():
    page = some(names=("<a>.jpg", "b", "c", "d"), errors={})._repr_html_()
    assert "&lt;a&gt;.jpg" in page
    assert "dog 2, cat 1" in page


@pytest.mark.parametrize(
    "wrong", [{"offsets": np.array([0, 5])}, {"labels": np.zeros(3)}, {"sizes": np.ones((4, 3))},
              {"offsets": np.array([0, 1, 2, 3, 4])}, {"corners": np.zeros((5, 3))}],
)  # fmt: skip
def test_arrays_of_other_lengths_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        some(**wrong)
