"""Annotations of images of another size, or that EXIF turns."""

from __future__ import annotations

import numpy as np
from tests.tasks.detection.planted import SIDE, found, sound

from headstart.tasks.detection.annotated_sizes import check_annotated_sizes


def test_sizes_that_differ_are_told_apart_and_named():
    stated = np.full((60, 2), SIDE)
    stated[4] = 150, 150
    stated[9] = 400, 300
    stated[20] = 0, 0
    dataset, _ = sound(stated=stated)
    dataset.labels.sizes[14] = 200, 300
    dataset.labels.stated[14] = 300, 200
    findings = found(check_annotated_sizes(dataset))
    lines = {check: [line.split()[0] for line in each.evidence] for check, each in findings.items()}
    assert lines == {
        "annotated_size": [dataset.names[4]],
        "annotated_size_and_shape": [dataset.names[9]],
        "annotated_size_swapped": [dataset.names[14]],
    }
    assert "150 x 150 stated, 300 x 300 is the image" in findings["annotated_size"].evidence[0]
    sizes = findings["annotated_size"]
    corners = dataset.labels.corners[8:10]
    sides = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    assert sizes.regions == (tuple(corners[sides.argmax()]),), "its largest box is shown"
    assert sizes.claim == (
        "1 annotation states another size than the file has, of the same shape; the boxes were "
        "taken as they are."
    )
    assert all(each.severity == "serious" for each in findings.values())


def test_photos_that_exif_turns():
    turned = np.zeros(60, int)
    turned[[3, 5, 7]] = 1, 2, 3
    stated = np.full((60, 2), SIDE)
    stated[3] = 10, 20
    findings = found(check_annotated_sizes(sound(turned=turned, stated=stated)[0]))
    names = sound()[0].names
    assert findings["boxes_turned"].evidence == (names[3],)
    assert findings["turned_images"].evidence == (names[7],)
    assert len(findings) == 2


def test_silent_and_right_annotations_have_nothing_wrong():
    assert not list(check_annotated_sizes(sound()[0]))
    assert not list(check_annotated_sizes(sound(stated=np.full((60, 2), SIDE))[0]))
