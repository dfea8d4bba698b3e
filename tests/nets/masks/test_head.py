"""Dense heads as they are kept."""

from __future__ import annotations

from dataclasses import replace

from headstart.nets.masks.head import FILTER_LEVELS, DenseHead, DensePlan

PLAN = DensePlan("pyramid", (4, 6, 8), (2, 4, 8), (1, 2), 3, 16)


def test_cells_lie_at_the_stride_of_the_finest_stage_that_is_read():
    assert PLAN.stride == 4
    assert DenseHead(PLAN, {}).outputs_at(64) == {"probabilities": (3, 16, 16)}


def test_a_unet_of_one_stage_is_none():
    assert "two stages" in str(DensePlan("unet", (4, 6), (2, 4), (1,), 3, 16).fault())
    assert DensePlan("unet", (4, 6), (2, 4), (0, 1), 3, 16).fault() is None


def test_a_head_with_filters_answers_as_finely_as_they_do_and_reads_them_in_order():
    plain = DensePlan("linear", (4, 6, 8), (4, 8, 32), (0, 2), 3)
    plan = replace(plain, filters=True)
    assert (plain.stride, plain.read) == (4, (0, 2))
    assert plan.stride == 2
    assert plan.read == (3, 4, 0, 5, 6, 2)  # levels come after all stages, read or not
    assert plan.shapes()["convs.2.weight"] == (3, 4, 1, 1)
    assert plan.shapes()["convs.5.weight"] == (3, 8, 1, 1)
    assert plan.shapes()["convs.0.weight"] == (3, FILTER_LEVELS[0][0], 1, 1)


def test_filters_are_told_only_where_there_are_any():
    plain = DensePlan("linear", (4, 6), (4, 8), (0, 1), 3)
    assert "filters" not in plain.meta()  # earlier versions read such models
    assert DensePlan.from_json(plain.meta()) == plain
    plan = replace(plain, filters=True)
    assert DensePlan.from_json(plan.meta()) == plan
    for fault in (replace(PLAN, filters=True), replace(plain, filters=3)):
        assert "filters are read by linear heads" in str(fault.fault())
