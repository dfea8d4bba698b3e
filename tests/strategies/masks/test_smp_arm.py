"""Decoders of segmentation-models-pytorch as ways of learning masks: measured and kept."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.mask_sets import QUIET, discs, material, write_discs

from headstart.deploy.runtime import OnnxPredictor
from headstart.errors import OptionError
from headstart.nets.model import Model
from headstart.options.export import ExportOptions
from headstart.options.train import TrainOptions
from headstart.scoring.run_predictor import RunPredictor
from headstart.strategies.masks.head import HeadTask
from headstart.strategies.masks.material import read_masks
from headstart.strategies.masks.smp_arm import named_segmenter, smp_arm
from headstart.strategies.masks.tuned import LearntFrom
from headstart.strategies.placed.lesson import States
from headstart.strategies.placed.problem import Folds
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.checkpoint import Checkpoints
from headstart.training.loop import Training
from headstart.verbs.export import export
from headstart.verbs.train import train

RECIPE = MaskRecipe(epochs=2, batch=4, ema=0.9)
WHOLE = LearntFrom(windows=False)


@pytest.fixture
def begin(tmp_path):
    prepared, network = material(discs(tmp_path / "data", 14, 2))
    items = np.flatnonzero(prepared.splits == "train")
    given = read_masks(prepared, items, network.preprocess, 4, QUIET)

    def arm(kind, place, checkpoints=None, look=WHOLE, size=64, epochs=2, seconds=None):
        preprocess = replace(network.preprocess, size=size)
        recipe = replace(RECIPE, epochs=epochs)
        task = HeadTask(prepared, given, network.backbone, preprocess, recipe)
        states = States(checkpoints or Checkpoints(None), seconds=seconds)
        folds = Folds(np.arange(len(items)) % 3, 3)
        return smp_arm(task, folds, QUIET, states, kind=kind, place=place, look=look)

    return arm


def test_ours_unless_one_is_named():
    assert named_segmenter({}) is named_segmenter({"segmenter": "auto"}) is None
    assert named_segmenter({"segmenter": "manet"}) == "manet"


@pytest.mark.parametrize(("kind", "windows"), [("unet", True), ("fpn", False)])
def test_decoder_and_network_learn_and_are_measured_on_a_fold(begin, tmp_path, kind, windows):
    began = begin(kind, tmp_path, look=LearntFrom(windows=windows), epochs=8)
    assert began.arm.name == kind
    assert began.arm.held.rows.tolist() == [0, 3, 6, 9]
    assert began.arm.held.value > 0.6
    assert ("windows" if windows else "whole images") in began.arm.summary
    kept = began.finish()
    assert list(began.history) == [kind, f"{kind}-all"]
    assert kept.head.fault() is None
    assert kept.backbone.fingerprint != began.arm.backbone.fingerprint


def test_what_was_asked_for_by_name_is_trained_though_the_budget_is_too_small(begin, tmp_path):
    began = begin("fpn", tmp_path, epochs=8, seconds=1e-3)
    assert began.arm is not None
    assert len(began.history["fpn"]) == 3
    assert "allows 0 of 8 epochs, and 3 are taken, because it was asked for" in began.said


def test_a_frozen_network_stays_what_it_is(begin):
    began = begin("linknet", None)
    assert "on the frozen" in began.arm.summary
    assert began.finish().backbone is began.arm.backbone


def test_what_does_not_fit_is_refused_in_a_line(begin, tmp_path):
    with pytest.raises(OptionError, match=r"--segmenter pan: .* less than 256 px; choose another"):
        begin("pan", tmp_path)


def test_stopped_at_any_step_it_ends_bit_for_bit_the_same(begin, tmp_path, monkeypatch):
    kind = "fpn"  # it drops channels at random
    whole = begin(kind, tmp_path / "one").finish()
    learn, count = Training._learn, 0

    def stops(self, *given):
        nonlocal count
        count += 1
        if count in (3, 7):
            raise KeyboardInterrupt
        return learn(self, *given)

    monkeypatch.setattr(Training, "_learn", stops)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            begin(kind, tmp_path, Checkpoints(tmp_path, every=0)).finish()
    again = begin(kind, tmp_path, Checkpoints(tmp_path, every=0)).finish()
    assert count > 7
    assert again.backbone.fingerprint == whole.backbone.fingerprint
    ours, theirs = whole.head.arrays, again.head.arrays
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(("kind", "strategy"), [("unet", "auto"), ("deeplabv3plus", "probe")])
def test_a_run_of_one_answers_as_it_was_measured_and_so_does_its_file(tmp_path, kind, strategy):
    data = write_discs(tmp_path / "data", 14, 3)
    run = train.run(
        TrainOptions(
            data=data, out=tmp_path / "run", task="segmentation", backbone="starter", image_size=64,
            device="cpu", workers=1, epochs=2, folds=3, segmenter=kind, strategy=strategy,
            budget=60.0,
        ),
        None,
    )  # fmt: skip
    results = json.loads(run.metrics.read_text())
    assert "segmentation-models-pytorch's" in results["model"]["summary"]
    rows = list(csv.DictReader(run.trials.open()))
    assert [row["arm"] for row in rows] == [kind, "linear"]  # it was asked for, and is kept
    assert rows[1]["behind_low"] != ""
    assert Model.load(run.folder).head.kind == kind
    files = sorted((data / "test" / "images").iterdir())
    here = RunPredictor(run.folder).predictions(files)
    export.run(ExportOptions(run=run.folder, out=tmp_path / "shipped"), None)
    there = OnnxPredictor(tmp_path / "shipped" / "model.onnx", threads=1).predictions(files)
    for at in range(len(files)):
        assert (here.labels(at) == there.labels(at)).mean() > 0.9999
