"""Errors that are shown first: no image fills the list alone."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tasks.detection.detected import right
from tests.tasks.detection.planted import sound

from headstart.metrics.box_errors import box_errors
from headstart.metrics.matching import match_boxes
from headstart.tasks.detection.aligned import found_boxes, true_boxes
from headstart.tasks.detection.mistakes import images_first, single_errors


@pytest.fixture
def wrong():
    """Found far away from everything, on all images."""
    labels, names = sound()[0].labels, sound()[0].names
    found = right(labels, names)
    found.corners[:] = found.corners + 500
    truth = true_boxes(labels, found.classes)
    matches = match_boxes(found_boxes(found), truth, len(found.classes))
    return found, labels, truth, box_errors(found_boxes(found), truth, matches, 0.5)


def test_single_errors_are_the_surest_and_the_largest_of_many_images(wrong):
    found, _, truth, errors = wrong
    shown = single_errors(found, truth, errors)
    alarms = [each for each in shown if each["what"] == "false alarm"]
    missed = [each for each in shown if each["what"] == "missed"]
    assert (len(alarms), len(missed)) == (12, 12)
    scores = [each["score"] for each in alarms]
    assert scores == sorted(scores, reverse=True)
    areas = [np.prod(np.array(each["region"][2:]) - each["region"][:2]) for each in missed]
    assert areas == sorted(areas, reverse=True)
    for some in (alarms, missed):
        names = [each["name"] for each in some]
        assert max(names.count(name) for name in names) <= 2
    assert all(each["why"] == "is nothing" for each in alarms)


def test_images_are_listed_with_what_is_wrong_on_them(wrong):
    found, labels, _, errors = wrong
    shown = images_first(found, labels, errors)
    assert len(shown) == 12
    assert shown[0]["errors"] == {"background": 2, "missed": 2}
    assert shown[0]["truth"] == "cat 1, dog 1"
