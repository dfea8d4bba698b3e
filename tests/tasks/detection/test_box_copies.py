"""An object is annotated once."""

from __future__ import annotations

import numpy as np
from tests.tasks.detection.planted import found, fresh, sound

from headstart.tasks.detection.box_copies import check_copies


def test_the_same_box_twice_and_under_two_labels():
    dataset, _ = sound(each=4)
    assert not list(check_copies(dataset))
    labels = dataset.labels
    labels.corners[22] = labels.corners[20] + 0.5  # photo 5, both of one class
    labels.corners[33] = labels.corners[32]  # photo 8, of two
    findings = found(check_copies(fresh(dataset)))
    assert findings["repeated_boxes"].severity == "warning"
    assert [each.split()[0] for each in findings["repeated_boxes"].evidence] == [dataset.names[5]]
    assert findings["boxes_of_two_classes"].severity == "serious"
    (line,) = findings["boxes_of_two_classes"].evidence
    assert line.startswith(dataset.names[8])


def test_crowds_and_boxes_without_area_are_no_copies():
    crowd = np.zeros(240, bool)
    crowd[20] = True
    dataset, _ = sound(each=4, crowd=crowd)
    dataset.labels.corners[22] = dataset.labels.corners[20]
    dataset.labels.corners[[40, 42]] = 7.0
    assert not list(check_copies(dataset))
