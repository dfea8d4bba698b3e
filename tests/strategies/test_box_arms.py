"""A head and a whole network learn boxes, go on bit for bit, and bear images without any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.strategies.box_sets import QUIET, SIZE, scenes, seen

from headstart.nets.box_head import grid
from headstart.nets.box_net import box_head_of
from headstart.nets.box_views import BoxWarp
from headstart.nets.maps import maps_engine
from headstart.strategies.box_arms import (
    BoxTask,
    head_arm_of_boxes,
    lesson_of,
    pyramid_plan,
    tuned_arm_of_boxes,
)
from headstart.strategies.box_choice import BoxArm
from headstart.strategies.box_held import Operating
from headstart.strategies.box_material import box_scenes, read_boxes
from headstart.strategies.box_training import BoxStates, begin_boxes, seconds_a_step
from headstart.tasks.detection.learn import head as new_head
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.training.checkpoint import Checkpoints

RECIPE = BoxRecipe(
    epochs=2, batch=4, lr=2e-3, width=8, views=2, low=0.8, high=1.25, onward=0.5, backbone_lr=0.1
)


@pytest.fixture
def given(tmp_path):
    prepared, network = seen(scenes(tmp_path / "data", 14, 2))
    items = np.arange(12)
    material = read_boxes(prepared, items, network.preprocess)
    made = box_scenes(prepared, material, BoxWarp(SIZE, 0.8, 1.25), 1.25, QUIET)
    states = BoxStates(Checkpoints(tmp_path / "states", every=0.0))
    (tmp_path / "states").mkdir()
    task = BoxTask(
        prepared, material, network.backbone, network.maps.layout, made, (items % 3, 3), RECIPE, 50,
        states,
    )  # fmt: skip
    return task, network


def begun(task: BoxTask) -> BoxArm:
    """An arm whose head nobody trained."""
    plan = pyramid_plan(task.layout, 2, task.recipe)
    head = box_head_of(new_head(plan, 2, seed=3))
    return BoxArm("head", "", head, task.backbone, SIZE, None, Operating(), 0.0)


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


def test_a_network_and_its_head_go_on_bit_for_bit(given, tmp_path):
    task, _ = given
    whole = tuned_arm_of_boxes(task, QUIET, RECIPE, begun(task))
    kept = whole.finish()
    assert kept.backbone is not task.backbone
    assert kept.backbone.fingerprint != task.backbone.fingerprint

    stopped = replace(task, states=BoxStates(Checkpoints(tmp_path / "other", every=0.0)))
    (tmp_path / "other").mkdir()
    lesson = lesson_of(stopped, begun(task), QUIET)
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

    assert lesson.plan.kind == "pyramid"
    dying = replace(task, states=BoxStates(Stopping(tmp_path / "other", every=0.0)))
    with pytest.raises(Stop):
        tuned_arm_of_boxes(dying, QUIET, RECIPE, begun(task))
    again = tuned_arm_of_boxes(stopped, QUIET, RECIPE, begun(task))
    for name, array in whole.arm.head.arrays.items():
        assert (again.arm.head.arrays[name] == array).all(), name


def test_batches_without_any_object_are_learnt_from(given):
    task, _ = given
    nothing = [np.zeros((0, 4), np.float32)] * 12
    none = [np.zeros(0, np.int64)] * 12
    empty = replace(task, scenes=replace(task.scenes, boxes=nothing, classes=none))
    learning = tuned_arm_of_boxes(empty, QUIET, RECIPE, begun(task))
    assert all(np.isfinite(epoch.loss) for epoch in learning.history["tuned"])
    assert all(np.isfinite(each).all() for each in learning.arm.head.arrays.values())


def test_timing_a_step_leaves_the_network_as_it_is(given):
    task, _ = given
    lesson = lesson_of(task, begun(task), QUIET)
    before = [each.detach().clone() for each in lesson.net.parameters()]
    assert seconds_a_step(lesson, task.own, RECIPE, QUIET) > 0
    after = list(lesson.net.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_cells_are_those_of_the_head(given):
    task, _ = given
    lesson = lesson_of(task, begun(task), QUIET)
    wanted = grid(lesson.plan, [task.layout.shapes[stage][1:] for stage in lesson.plan.stages])
    assert (lesson.cells == wanted).all()
    training = begin_boxes(lesson, task.own, RECIPE, QUIET, phase="x")
    assert training.plan.per_epoch == 2
