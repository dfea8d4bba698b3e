"""A head and a whole network learn boxes, go on bit for bit, and bear images without any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.box_sets import QUIET, SIZE
from tests.strategies.box_tasks import RECIPE, box_task, untrained

from headstart.nets.pretrained.maps import maps_engine
from headstart.strategies.boxes.arms import (
    head_arm_of_boxes,
    pyramid_plan,
    tuned_arm_of_boxes,
)
from headstart.strategies.placed.lesson import States
from headstart.training.checkpoint import Checkpoints


@pytest.fixture
def given(tmp_path):
    return box_task(tmp_path)


def test_a_pyramid_reads_the_strides_of_objects_and_reaches_across_the_input(given):
    task, _ = given
    plan = pyramid_plan(task.layout, 2, RECIPE)
    strides = [plan.strides[stage] for stage in plan.stages]
    assert strides == [8, 16, 32]
    assert (plan.bins - 1) * 32 >= 0.7 * SIZE
    large = replace(task.layout, size=10 * SIZE)
    assert pyramid_plan(large, 2, RECIPE).bins >= 8


def test_a_head_learns_on_all_but_a_fold_and_then_on_all(given):
    task, network = given
    engine = maps_engine(network.backbone, network.preprocess, images=1, device="cpu")
    rows = network.maps.rows[:12]
    learning = head_arm_of_boxes(task, QUIET, RECIPE, rows=rows, engine=engine)
    assert learning.arm.held.rows.tolist() == [0, 3, 6, 9]
    assert learning.arm.epochs == 2
    kept = learning.finish()
    assert set(learning.history) == {"head", "head-all"}
    assert kept.backbone is network.backbone
    assert kept.held is learning.arm.held
    assert (kept.head.arrays["classes.weight"] != learning.arm.head.arrays["classes.weight"]).any()


def test_a_head_keeps_to_its_time_but_for_one_epoch(given):
    task, network = given
    engine = maps_engine(network.backbone, network.preprocess, images=1, device="cpu")
    learning = head_arm_of_boxes(
        task, QUIET, replace(RECIPE, epochs=9), rows=network.maps.rows[:12], engine=engine, by=0.0
    )
    assert learning.arm.epochs == 1
    assert learning.cut.startswith("of about")
    assert [len(each) for each in learning.history.values()] == [1]


def test_a_network_and_its_head_go_on_bit_for_bit(given, tmp_path):
    task, _ = given
    whole = tuned_arm_of_boxes(task, QUIET, RECIPE, untrained(task))
    kept = whole.finish()
    assert kept.backbone is not task.backbone
    assert kept.backbone.fingerprint != task.backbone.fingerprint

    stopped = replace(task, states=States(Checkpoints(tmp_path / "other", every=0.0)))
    (tmp_path / "other").mkdir()
    steps = []

    class Stop(Exception):
        pass

    class Stopping(Checkpoints):
        def run(self, training, *, name, fingerprint):
            old = training._tell

            def tell(stop):
                old(stop)
                steps.append(training.step)
                if training.step == 3 and len(steps) < 8:
                    raise Stop

            training._tell = tell
            super().run(training, name=name, fingerprint=fingerprint)

    dying = replace(task, states=States(Stopping(tmp_path / "other", every=0.0)))
    with pytest.raises(Stop):
        tuned_arm_of_boxes(dying, QUIET, RECIPE, untrained(task))
    again = tuned_arm_of_boxes(stopped, QUIET, RECIPE, untrained(task))
    for name, array in whole.arm.head.arrays.items():
        assert (again.arm.head.arrays[name] == array).all(), name


def test_batches_without_any_object_are_learnt_from(given):
    task, _ = given
    nothing = [np.zeros((0, 4), np.float32)] * 12
    none = [np.zeros(0, np.int64)] * 12
    empty = replace(task, scenes=replace(task.scenes, boxes=nothing, classes=none))
    learning = tuned_arm_of_boxes(empty, QUIET, RECIPE, untrained(task))
    assert all(np.isfinite(epoch.loss) for epoch in learning.history["tuned"])
    assert all(np.isfinite(each).all() for each in learning.arm.head.arrays.values())
