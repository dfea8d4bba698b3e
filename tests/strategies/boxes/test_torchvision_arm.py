"""Torchvision's detectors as ways of learning boxes: measured, kept, and the same every time."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save
from tests.strategies.box_sets import QUIET, write_scenes
from tests.strategies.box_tasks import RECIPE, box_task

from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import open_backbone
from headstart.nets.pretrained.weights import save_source
from headstart.nets.torchvision.coco import COCO_HEAD
from headstart.nets.torchvision.head import torchvision_head_of
from headstart.options.train import TrainOptions
from headstart.scoring.run_predictor import RunPredictor
from headstart.strategies.boxes.torchvision_arm import (
    begun_with,
    named_arm,
    named_lesson,
    named_recipe,
)
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.verbs.train import train

ONCE = replace(RECIPE, epochs=1)


def test_a_recipe_is_the_detectors_own_but_for_what_was_said():
    given = BoxRecipe()
    assert named_recipe(given, {"detector": "auto"}) is given
    found = named_recipe(given, {"detector": "ssd"})
    assert (found.overlap, found.epochs, found.freeze) == (0.45, 30, "none")
    assert found.batch == 8  # as torchvision trains it
    told = {"detector": "ssd", "recipe": "overlap=0.7,lr=1e-3", "epochs": 3, "strategy": "probe"}
    found = named_recipe(replace(given, overlap=0.7, epochs=3), told)
    assert (found.overlap, found.epochs, found.freeze) == (0.7, 3, "head")


def test_a_detector_is_measured_and_the_network_that_it_trained_is_kept(tmp_path):
    task, _ = box_task(tmp_path)
    arm = named_arm(task, QUIET, ONCE, "fcos")
    assert arm.arm.held.rows.tolist() == task.folds.held.tolist()
    kept = arm.finish()
    assert kept.backbone.fingerprint != task.backbone.fingerprint
    assert kept.head.fault() is None
    assert any(
        np.abs(kept.head.arrays[name] - each).max() > 1e-6
        for name, each in arm.arm.head.arrays.items()
    )
    assert list(arm.history) == ["fcos", "fcos-all"]
    assert np.isfinite(arm.history["fcos"][0].loss)


def test_a_detector_goes_on_from_what_the_backbone_was_trained_with(tmp_path):
    task, _ = box_task(tmp_path)
    assert begun_with(task.backbone, "fcos") is None
    net = named_lesson(task, QUIET, ONCE, "fcos").net.head
    folder = tmp_path / "given"
    save_source(task.backbone.source, folder)
    head, names = torchvision_head_of(net), ("Lamp", "other")
    arrays = {name: each + 1 for name, each in head.arrays.items()}
    about = {"plan": json.dumps(head.plan.meta()), "names": json.dumps(names)}
    (folder / COCO_HEAD).write_bytes(save(arrays, metadata=about))
    given = open_backbone(str(folder))
    assert begun_with(given, "retinanet") is None
    assert begun_with(given, "fcos")[1] == names
    begun = named_lesson(replace(task, backbone=given), QUIET, ONCE, "fcos").net.head
    bias = "model.head.classification_head.cls_logits.bias"
    mine, theirs = begun.state_dict()[bias].numpy(), arrays[bias]
    lamp = task.material.names.index("lamp")
    assert mine[lamp] == theirs[0]
    assert mine[1 - lamp] != theirs[1]
    conv = "model.head.regression_head.bbox_reg.weight"
    assert (begun.state_dict()[conv].numpy() == arrays[conv]).all()


def test_what_is_drawn_is_the_same_every_time(tmp_path):
    task, _ = box_task(tmp_path)
    own, found = np.arange(4), []
    for _ in range(2):
        lesson = named_lesson(task, QUIET, ONCE, "fasterrcnn")
        training = lesson.training(own, replace(ONCE, batch=2), QUIET)
        training.run()
        found.append(training.last_loss)
        np.random.default_rng(0)
    assert found[0] == found[1]


def test_a_frozen_network_stays_what_it_is(tmp_path):
    task, _ = box_task(tmp_path)
    arm = named_arm(task, QUIET, replace(ONCE, freeze="head", onward=0.0), "ssdlite")
    assert "frozen" in arm.arm.summary
    assert arm.finish().backbone is task.backbone


@pytest.mark.parametrize("strategy", ["auto", "probe"])
def test_a_run_of_one_answers_as_it_was_measured(tmp_path, strategy):
    data = write_scenes(tmp_path / "data", 10, 3, nothing_on=(1, 8))
    run = train.run(
        TrainOptions(
            data=data, out=tmp_path / "run", task="detection", backbone="starter", image_size=64,
            device="cpu", workers=1, epochs=1, folds=3, detector="ssdlite", strategy=strategy,
        ),
        None,
    )  # fmt: skip
    results = json.loads(run.metrics.read_text())
    assert (results["maps"]["given network"] == "none") is (strategy == "auto")
    assert "torchvision's SSDlite" in results["model"]["summary"]
    assert [row["arm"] for row in csv.DictReader(run.trials.open())] == ["ssdlite"]
    model = Model.load(run.folder)
    assert model.head.answers == "boxes"
    assert model.spec.settings["overlap"] == 0.55
    from tests.strategies.boxes.test_train import read_answers

    kept = read_answers(run)
    files = [data / "test" / name.split("/")[-1] for name in kept.names]
    assert kept.agrees(RunPredictor(run.folder).predictions(files)).all()
