"""Dense heads as they are kept: what cannot be is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headstart.nets.dense import build_dense, head_of
from headstart.nets.dense_head import DensePlan

PLAN = DensePlan("pyramid", (4, 6, 8), (2, 4, 8), (1, 2), 3, 16)


def test_a_plan_comes_back_from_json():
    assert DensePlan.from_json({**PLAN.meta(), "stages": [1, 2]}) == PLAN
    assert PLAN.stride == 4


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"}, {"stages": [2, 1]}, {"stages": [3]}, {"stages": []}, {"n_classes": 0},
        {"width": 0}, {"strides": [2, 4]}, {"channels": [4, -1, 8]}, {"width": 10**9},
    ],
)  # fmt: skip
def test_a_damaged_plan_is_refused(change):
    with pytest.raises(ValueError, match=r"whole number|stages|dense head"):
        DensePlan.from_json({**PLAN.meta(), **change})


def test_weights_that_do_not_fit_are_named():
    head = head_of(build_dense(PLAN))
    assert head.fault() is None
    name = next(iter(head.arrays))
    short = replace(head, arrays={**head.arrays, name: head.arrays[name][:1]})
    assert name in (short.fault() or "")
    rest = {key: value for key, value in head.arrays.items() if key != name}
    assert name in (replace(head, arrays=rest).fault() or "")
    broken = {**head.arrays, name: np.full_like(head.arrays[name], np.nan)}
    assert "finite" in (replace(head, arrays=broken).fault() or "")
