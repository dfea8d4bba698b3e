"""Details: per class, curves, kinds of error, sizes, counts, and where to look first."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from tests.tasks.detection.detected import right
from tests.tasks.detection.planted import sound

from headstart.records import to_json
from headstart.tasks.detection.shown import detection_details


@pytest.fixture(scope="module")
def details():
    """All right but for a box that is shifted, one without a partner, and one below the score."""
    dataset, _ = sound()
    for item in (3, 4, 10):  # far from each other, so that each is one error
        dataset.labels.corners[2 * item] = [10, 10, 90, 90]
        dataset.labels.corners[2 * item + 1] = [180, 180, 280, 280]
    found = right(dataset.labels, dataset.names)
    found.corners[6] += 40
    found.labels[9] = 0
    found.scores[20] = 0.1
    return detection_details(found, dataset.labels, None, 0), dataset


def test_every_class_has_its_measures(details):
    rows = details[0]["per_class"]
    assert [each["class"] for each in rows] == ["cat", "dog"]
    assert rows[0]["n"] == rows[0]["boxes"] == 60
    for row in rows:
        assert row["ap"].low <= row["ap"].value <= row["ap"].high
        assert 0.9 < row["ap_50"].value < 1
    assert rows[0]["recall"].value == pytest.approx(58 / 60)
    assert rows[0]["recall"].low < 58 / 60 < rows[0]["recall"].high
    assert rows[1]["precision"].value == 1.0
    assert 0.9 < rows[1]["precision"].low < 1, "no mistake was seen, and that is no proof"
    assert 0.9 < rows[0]["f1"].value < 1


def test_errors_and_where_to_look_first(details):
    found, dataset = details
    assert found["errors"]["class"] == 1
    assert found["errors"]["missed"] == 1
    assert sum(found["errors"].values()) == 3
    names = [each["name"] for each in found["mistakes"]]
    assert set(names) == {dataset.names[3], dataset.names[4], dataset.names[10]}
    assert found["mistakes"][0]["truth"] == "cat 1, dog 1"
    shown = found["examples"]
    assert [each["what"] for each in shown] == ["false alarm", "false alarm", "missed"]
    assert shown[0]["score"] >= shown[1]["score"] >= 0.5
    assert {each["why"] for each in shown[:2]} == {"lies beside it", "is of another class"}
    assert shown[2]["name"] == dataset.names[10]
    assert shown[2]["region"] == [10, 10, 90, 90]
    assert len(found["boxes"]["colours"]) == 2


def test_counts_sizes_and_curves(details):
    found, _ = details
    assert found["operating"]["threshold"] == 0.5
    assert found["counts"]["per_class"][1]["bias"].value == pytest.approx(-1 / 60)
    assert sum(found["sizes"]["there"]) == 120
    assert sum(found["sizes"]["found"]) == 117
    assert sum(found["sizes"]["false"]) == 2
    for curve in found["curves"]:
        assert len(curve["precision"]) == 101
        assert (np.diff(curve["precision"]) <= 0).all()
    assert np.mean(found["curves"][1]["precision"]) == pytest.approx(
        found["per_class"][1]["ap_50"].value, abs=1e-3
    )
    assert found["by_size"]["all"].value == pytest.approx(
        np.mean([each["ap"].value for each in found["per_class"]])
    )


def test_they_are_ready_for_json_with_and_without_objects(details):
    assert json.loads(to_json(details[0]))
    dataset, _ = sound(classes=("cat", "dog", "owl"))
    empty = dataset.labels.keep(np.zeros(120, bool))
    found = right(empty, dataset.names)
    made = json.loads(to_json(detection_details(found, empty, np.arange(60) // 2, 0)))
    assert made["per_class"][0]["ap"]["value"] is None
    assert made["errors"]["missed"] == 0
    nothing = dataclasses.replace(found, names=dataset.names)
    assert (
        json.loads(to_json(detection_details(nothing, dataset.labels, None, 0)))["errors"]["missed"]
        == 120
    )


def test_a_class_with_one_object_says_how_little_that_is():
    dataset, _ = sound()
    labels = dataset.labels
    rows = np.flatnonzero(labels.classes == 1)
    few = labels.keep(~np.isin(np.arange(len(labels.classes)), rows[1:]))
    found = detection_details(right(few, dataset.names), few, None, 0)
    one = found["per_class"][1]
    assert (one["n"], one["boxes"]) == (1, 1)
    for key in ("ap", "recall", "precision", "f1"):
        assert one[key].value == pytest.approx(1.0)
        assert one[key].low < 0.3


def test_a_size_of_one_object_says_how_little_that_is():
    dataset, _ = sound()
    labels = dataset.labels
    labels.corners[0, 2:] = labels.corners[0, :2] + 10
    found = detection_details(right(labels, dataset.names), labels, None, 0)["by_size"]
    assert set(found) == {"all", "small", "medium", "large"}
    assert (found["small"].n, found["small"].value) == (1, pytest.approx(1.0))
    assert found["small"].low < 0.3
    assert max(found["medium"].low, found["large"].low) > 0.9, "all others are of one size"
