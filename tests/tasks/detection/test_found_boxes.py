"""A box as a line of evidence, with the place on its image."""

from __future__ import annotations

import numpy as np
import pytest
from tests.checks.sets import clean
from tests.tasks.detection.planted import sound

from headstart.checks.wording import SHOWN
from headstart.tasks.detection.found_boxes import (
    box_finding,
    box_line,
    boxes_of,
    largest_regions,
)


def test_lines_and_places_go_together():
    dataset, _ = sound()
    dataset.labels.corners[3] = [1, 2.5, 30, 40]
    assert box_line(dataset, 3) == f"{dataset.names[1]} (dog 1 2.5 to 30 40)"
    finding = box_finding("x", "note", "Some.", "Look.", dataset, np.arange(40))
    assert finding.count == 40
    assert len(finding.evidence) == len(finding.regions) == SHOWN
    assert finding.regions[3] == (1, 2.5, 30, 40)


def test_the_largest_box_of_an_image_stands_for_its_annotation():
    dataset, _ = sound()
    dataset.labels.corners[4:6] = [[5, 5, 50, 50], [10, 10, 900, 90]]
    dataset.labels.corners[6:8] = 7
    regions = largest_regions(dataset, np.array([2, 3]))
    assert regions == ((10, 10, 300, 90), None)


def test_labels_of_another_kind_are_none():
    with pytest.raises(AssertionError, match="boxes"):
        boxes_of(clean(5)[0])
