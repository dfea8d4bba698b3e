"""Heads that read maps, as they are kept: what cannot be is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headstart.nets.boxes.head import BoxPlan
from headstart.nets.boxes.net import box_head_of, build_boxes
from headstart.nets.masks.head import DensePlan
from headstart.nets.masks.net import build_dense, head_of

SIZES = (4, 6, 8), (8, 16, 32)
PLANS = {
    "dense": DensePlan("pyramid", *SIZES, (1, 2), 3, 16),
    "unet": DensePlan("unet", *SIZES, (0, 1, 2), 3, 16),
    "levels": BoxPlan("levels", *SIZES, (0, 1, 2), 3, objectness=True, offset=0.0),
    "boxes": BoxPlan("pyramid", *SIZES, (1, 2), 3, 16, bins=8),
}


def head(kind: str):
    plan = PLANS[kind]
    if isinstance(plan, BoxPlan):
        return box_head_of(build_boxes(plan))
    return head_of(build_dense(plan))


@pytest.mark.parametrize("kind", PLANS)
def test_a_plan_and_a_head_come_back_from_json(kind):
    plan, made = PLANS[kind], head(kind)
    assert type(plan).from_json({**plan.meta(), "stages": list(plan.stages)}) == plan
    about = made.meta()
    again = type(made).from_json(about, made.arrays)
    assert (again.plan, again.kind, again.n_classes) == (plan, plan.kind, 3)
    assert list(about) == [made.kept_as]


@pytest.mark.parametrize("kind", ["dense", "boxes"])
@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"}, {"stages": [2, 1]}, {"stages": [3]}, {"stages": []}, {"n_classes": 0},
        {"width": 0}, {"strides": [2, 4]}, {"channels": [4, -1, 8]}, {"width": 10**9},
        {"stages": ["a", 1]},
    ],
)  # fmt: skip
def test_a_damaged_plan_is_refused(kind, change):
    with pytest.raises(ValueError, match=r"whole number|stages|called"):
        type(PLANS[kind]).from_json({**PLANS[kind].meta(), **change})


@pytest.mark.parametrize("kind", PLANS)
def test_weights_that_do_not_fit_the_plan_are_named(kind):
    made = head(kind)
    assert {name: each.shape for name, each in made.arrays.items()} == made.plan.shapes()
    assert made.fault() is None
    name = next(iter(made.arrays))
    short = replace(made, arrays={**made.arrays, name: made.arrays[name][:1]})
    assert name in (short.fault() or "")
    rest = {key: value for key, value in made.arrays.items() if key != name}
    assert name in (replace(made, arrays=rest).fault() or "")
    broken = {**made.arrays, name: np.full_like(made.arrays[name], np.nan)}
    assert "finite" in (replace(made, arrays=broken).fault() or "")
