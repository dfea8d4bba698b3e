"""What describes a detector of torchvision's, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.nets.torchvision_maps import plan_of


def test_stages_are_those_that_a_detector_is_meant_for():
    assert plan_of("fasterrcnn").stages == (0, 1, 2, 3)
    assert plan_of("fcos").stages == (1, 2, 3)
    assert plan_of("ssd").stages == (2, 3)
    assert plan_of("fcos").sides == (8, 4, 2, 1, 1)
    alone = plan_of("ssd").over("ssd", (7,), (14,), 2, 224)
    assert alone.stages == (0,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "yolo"}, "no detector called 'yolo'"),
        ({"size": 0}, "size must be"),
        ({"size": True}, "size must be"),
        ({"width": 3}, "width must be"),
        ({"least": 0}, "least must be"),
        ({"stages": (9,)}, "not among"),
    ],
)
def test_what_describes_no_detector_is_refused(change, said):
    assert said in replace(plan_of("fcos"), **change).fault()
