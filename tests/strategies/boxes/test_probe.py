"""A frozen detector learns new classes from the cells that its boxes give to objects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.box_sets import QUIET, scenes, seen

from headstart.metrics.detection import average_precision
from headstart.nets.boxes.head import BoxHead, BoxPlan
from headstart.strategies.boxes import probe as box_probe
from headstart.strategies.boxes.levels import MapView, ProbeTask
from headstart.strategies.boxes.material import read_boxes
from headstart.strategies.boxes.probe import probe_boxes
from headstart.tasks.detection.recipe import BoxRecipe


def detector(layout: object) -> BoxHead:
    """Last layers whose boxes reach 10 pixels to each side, whatever is there."""
    channels = tuple(shape[0] for shape in layout.shapes)
    stages = tuple(i for i, each in enumerate(layout.strides) if each in (4, 8))
    plan = BoxPlan("levels", channels, layout.strides, stages, 3, bins=8)
    arrays = {name: np.zeros(shape, np.float32) for name, shape in plan.shapes().items()}
    for at, stage in enumerate(stages):
        wanted = 10 / layout.strides[stage]
        bins = -np.abs(np.arange(8) - wanted) * 8
        arrays[f"sides.{at}.bias"] = np.tile(bins, 4).astype(np.float32)
        arrays[f"classes.{at}.bias"] += -5
    return BoxHead(plan, arrays)


@pytest.fixture
def task(tmp_path):
    prepared, network = seen(scenes(tmp_path, 18, 2))
    items = np.arange(16)
    material = read_boxes(prepared, items, network.preprocess)
    view = MapView(network.maps.rows[items], material.boxes, material.classes)
    layout = network.maps.layout
    return ProbeTask(
        network.backbone, detector(layout), ("dog", "lamp", "cat"), layout, (view,), material,
        (items % 4, 4), BoxRecipe(probe_share=0.3), 50,
    )  # fmt: skip


def test_new_classes_are_told_on_images_that_were_held_out(task):
    found = probe_boxes(task, QUIET)
    arm = found.arm
    assert arm.name == "probe"
    assert arm.head.n_classes == 2
    learnt = average_precision(arm.held.matches(task.material), iou=0.5).value
    assert learnt > 0.3
    assert "refitted sides" in arm.summary
    assert not (arm.head.arrays["sides.0.bias"] == task.detector.arrays["sides.0.bias"]).all()
    kept = probe_boxes(replace(task, recipe=replace(task.recipe, probe_sides=0.0)), QUIET).arm
    assert (kept.head.arrays["sides.0.bias"] == task.detector.arrays["sides.0.bias"]).all()
    assert average_precision(kept.held.matches(task.material)).value < 0.9 * learnt
    assert "1 of 2 classes began" in arm.summary
    assert arm.start is arm.partial
    assert not np.allclose(
        arm.partial.arrays["classes.0.weight"], arm.head.arrays["classes.0.weight"]
    )
    again = probe_boxes(task, QUIET).arm
    assert (again.held.found["scores"] == arm.held.found["scores"]).all()


def test_fewer_images_give_a_curve_on_the_same_folds(task, monkeypatch):
    assert len(probe_boxes(task, QUIET).sizes) == 0  # 16 images are too few to take some away
    monkeypatch.setattr(box_probe, "_LEAST_CURVE", 16)
    found = probe_boxes(task, QUIET)
    assert found.sizes.tolist() == [3, 6, 12]
    assert found.values.shape == (3, 4)
    whole = average_precision(found.arm.held.matches(task.material))
    folds = (task.folds[0] == np.arange(4)[:, None]).astype(float)
    assert np.allclose(found.values[-1], whole(folds))
    assert found.values[-1].mean() > found.values[0].mean() - 0.05


def test_ways_are_told_apart_by_some_images_of_every_fold(task, monkeypatch):
    monkeypatch.setattr(box_probe, "_MEASURED", 8)
    whole = probe_boxes(task, QUIET).arm
    assert whole.held.rows.tolist() == list(range(16))
    work = box_probe._Work(task, QUIET)
    assert np.bincount(task.folds[0][work.some()]).tolist() == [2, 2, 2, 2]


def test_no_image_is_measured_twice_by_what_is_kept(task, monkeypatch):
    asked, find = [], box_probe._Work.found

    def heard(work, image, levels, fit):
        asked.append(image)
        return find(work, image, levels, fit)

    monkeypatch.setattr(box_probe._Work, "found", heard)
    monkeypatch.setattr(box_probe._Work, "strengths", lambda work, rows: (0.1,))
    one = probe_boxes(task, QUIET)
    assert sorted(asked) == list(range(16))
    asked.clear()
    monkeypatch.setattr(box_probe, "_MEASURED", 8)
    monkeypatch.setattr(box_probe._Work, "strengths", lambda work, rows: (0.1, 0.1))
    two = probe_boxes(task, QUIET)
    assert len(asked) == 2 * 8 + 8, "eight images tell two ways apart; of the rest one is asked"
    for name, each in one.arm.held.found.items():
        np.testing.assert_array_equal(two.arm.held.found[name], each)


def test_nothing_is_measured_where_all_must_stay_together(task):
    arm = probe_boxes(replace(task, folds=(np.zeros(16, int), 1)), QUIET).arm
    assert arm.held is None
    assert arm.operating.calibration is None
    assert arm.partial is None
    assert np.isfinite(arm.head.arrays["classes.0.weight"]).all()


def test_images_without_objects_are_learnt_from_without_harm(task):
    nothing = tuple(np.zeros((0, 4), np.float32) for _ in range(16))
    none = tuple(np.zeros(0, np.int64) for _ in range(16))
    material = replace(task.material, boxes=nothing, classes=none, kinds=none)
    empty = replace(task, material=material, views=(MapView(task.views[0].rows, nothing, none),))
    arm = probe_boxes(empty, QUIET).arm
    assert all(np.isfinite(each).all() for each in arm.head.arrays.values())
    assert (arm.held.found["scores"] < 0.2).all()
