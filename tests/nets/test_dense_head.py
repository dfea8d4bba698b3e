"""Dense heads as they are kept."""

from __future__ import annotations

from headstart.nets.dense_head import DenseHead, DensePlan

PLAN = DensePlan("pyramid", (4, 6, 8), (2, 4, 8), (1, 2), 3, 16)


def test_cells_lie_at_the_stride_of_the_finest_stage_that_is_read():
    assert PLAN.stride == 4
    assert DenseHead(PLAN, {}).outputs_at(64) == {"probabilities": (3, 16, 16)}


def test_a_unet_of_one_stage_is_none():
    assert "two stages" in str(DensePlan("unet", (4, 6), (2, 4), (1,), 3, 16).fault())
    assert DensePlan("unet", (4, 6), (2, 4), (0, 1), 3, 16).fault() is None
