"""Classes go by their names; what cannot be used is no true box."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.tasks.detection.detected import right
from tests.tasks.detection.planted import fresh, sound

from headstart.errors import DataError
from headstart.metrics.detection import average_precision
from headstart.tasks.detection.aligned import class_columns, match_detections, true_boxes


def test_classes_of_model_and_labels_in_another_order():
    dataset, _ = sound()
    found = right(dataset.labels, dataset.names)
    turned = dataclasses.replace(found, classes=("bird", "dog", "cat"), labels=2 - found.labels)
    for each in (found, turned):
        assert average_precision(match_detections(each, dataset.labels)).value == pytest.approx(1)


def test_a_class_that_the_model_does_not_know_is_refused_if_it_has_boxes():
    labels = sound()[0].labels
    with pytest.raises(DataError, match="does not know the class dog; it knows cat"):
        class_columns(("cat",), labels)
    cats = labels.keep(labels.classes == 0)
    assert class_columns(("cat",), cats).tolist() == [0, -1]
    assert true_boxes(cats, ("cat",)).classes.max() == 0


def test_boxes_without_area_are_no_true_boxes_and_others_are_clipped():
    dataset, _ = sound()
    dataset.labels.corners[4, 2] = dataset.labels.corners[4, 0]
    dataset.labels.corners[6, 2:] = 1000
    truth = true_boxes(fresh(dataset).labels, ("cat", "dog"))
    assert len(truth.classes) == 119
    assert truth.corners.max() == 300
    assert np.diff(truth.offsets).tolist() == [2, 2, 1, *[2] * 57]
