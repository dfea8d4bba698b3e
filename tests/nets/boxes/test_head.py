"""Heads of boxes as they are kept: what cannot be is said."""

from __future__ import annotations

import pytest

from headstart.nets.boxes.head import BoxPlan, grid
from headstart.nets.boxes.net import box_head_of, build_boxes

PLANS = {
    "levels": BoxPlan("levels", (4, 6, 8), (8, 16, 32), (0, 1, 2), 3, objectness=True, offset=0.0),
    "pyramid": BoxPlan("pyramid", (4, 6, 8), (8, 16, 32), (1, 2), 3, 16, bins=8),
}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "linear"}, {"bins": 1}, {"bins": 8.0}, {"bins": 10**6}, {"objectness": 1},
        {"offset": 7},
    ],
)  # fmt: skip
def test_a_damaged_plan_is_refused(change):
    with pytest.raises(ValueError, match=r"whole number|called|true or false|offset"):
        BoxPlan.from_json({**PLANS["pyramid"].meta(), **change})


@pytest.mark.parametrize("kind", PLANS)
def test_other_classes_leave_boxes_as_they_are(kind):
    head = box_head_of(build_boxes(PLANS[kind]))
    layers = head.class_layers()
    other = head.with_classes([w[:2] for w, _ in layers], [b[:2] for _, b in layers])
    assert other.n_classes == 2
    kept = [name for name in head.arrays if not name.startswith("classes.")]
    assert all((other.arrays[name] == head.arrays[name]).all() for name in kept)
    assert (other.class_layers()[0][0] == layers[0][0][:2]).all()


def test_cells_lie_row_by_row_and_level_by_level():
    cells = grid(PLANS["pyramid"], [(2, 3), (1, 2)])
    assert cells.tolist()[:4] == [[8, 8, 16], [24, 8, 16], [40, 8, 16], [8, 24, 16]]
    assert cells.tolist()[6:] == [[16, 16, 32], [48, 16, 32]]
