"""From images and masks to a run that answers, and says how good it is."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from headstart.errors import ModelError
from headstart.nets.model import Model
from headstart.options.train import TrainOptions
from headstart.scoring.run_predictor import RunPredictor
from headstart.verbs.train import train
from tests.strategies.mask_sets import disc, write_discs


def run_of(folder, place, **options):
    return train.run(
        TrainOptions(
            data=write_discs(folder, 16, 4), out=place, task="segmentation", backbone="starter",
            image_size=64, device="cpu", workers=1, folds=3, **options,
        ),
        None,
    )  # fmt: skip


@pytest.mark.parametrize("strategy", ["probe", "auto"])
def test_a_run_answers_as_it_was_measured(tmp_path, strategy):
    recipe = "width=16,views=2" if strategy == "auto" else None
    epochs = 4 if strategy == "auto" else "auto"
    run = run_of(tmp_path / "data", tmp_path / "run", strategy=strategy, epochs=epochs, recipe=recipe)
    results = json.loads(run.metrics.read_text())
    assert results["task"] == "segmentation" and results["primary"] == "mean_iou"
    assert results["test"]["mean_iou"]["value"] > 0.7
    assert set(results["baselines"]) == {"majority", "mean_mask"}
    rows = list(csv.DictReader(run.trials.open()))
    assert {row["arm"] for row in rows} == ({"linear"} if strategy == "probe" else {"linear", "head"})
    assert rows[0]["chosen"] == "True" and float(rows[0]["mean_iou"]) > 0.7
    assert run.report.is_file() and run.items.is_file() and run.outputs.is_file()
    image, mask = disc(99, 120, 80)
    [labels] = [RunPredictor(run.folder).predictions([image]).labels(0)]
    assert labels.shape == (80, 120)
    assert ((labels == 1) == (mask > 0)).mean() > 0.9


def test_cross_validation_measures_every_image(tmp_path):
    run = run_of(tmp_path / "data", tmp_path / "run", strategy="probe", evaluation="cv")
    results = json.loads(run.metrics.read_text())
    assert results["evaluation"]["kind"] == "cv"
    assert results["test"]["mean_iou"]["n"] == 16


def test_a_damaged_model_is_refused(tmp_path):
    run = run_of(tmp_path / "data", tmp_path / "run", strategy="probe")
    assert np.isfinite(Model.load(run.folder).temperature)
    file = run.model / "model.json"
    value = json.loads(file.read_text())
    for key, broken in (("strides", [4]), ("stages", [9]), ("kind", "other"), ("n_classes", 5)):
        changed = json.loads(json.dumps(value))
        changed["head"]["dense"][key] = broken
        file.write_text(json.dumps(changed))
        with pytest.raises(ModelError, match="damaged"):
            Model.load(run.folder)
