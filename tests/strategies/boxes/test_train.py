"""From images and boxes to a run that answers, and says how good it is."""

from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from tests.strategies.box_sets import scene, write_scenes

from headstart.errors import DataError, OptionError
from headstart.features.extract_maps import Maps
from headstart.nets.model import Model
from headstart.nets.pretrained.maps import MapLayout
from headstart.options.train import TrainOptions
from headstart.results.comparison import compare_runs
from headstart.results.evaluation import evaluation_of_run
from headstart.run import Run
from headstart.scoring.run_predictor import RunPredictor
from headstart.strategies.boxes import train as train_boxes
from headstart.verbs.train import train

FEW = "width=8,views=2,low=0.8,high=1.25,onward=0.5"


def run_of(data, place, **options):
    wish = {"epochs": 2, "recipe": FEW, "folds": 3, "strategy": "auto"} | options
    return train.run(
        TrainOptions(
            data=data, out=place, task="detection", backbone="starter", image_size=64,
            device="cpu", workers=1, **wish,
        ),
        None,
    )  # fmt: skip


def test_a_run_answers_as_it_was_measured_and_is_compared(tmp_path):
    data = write_scenes(tmp_path / "data", 14, 4)
    run = run_of(data, tmp_path / "run")
    results = json.loads(run.metrics.read_text())
    assert results["task"] == "detection"
    assert set(results["test"]) == {"map", "map_50", "map_75", "mar_100"}
    assert set(results["baselines"]) == {"median_box", "whole_image"}
    assert "threshold" in results["operating"]
    rows = list(csv.DictReader(run.trials.open()))
    assert {row["arm"] for row in rows} == {"head", "fine-tuned"}
    assert rows[0]["chosen"] == "True"
    assert run.report.is_file()
    model = Model.load(run.folder)
    assert model.head.answers == "boxes"
    assert model.spec.settings["threshold"] == results["operating"]["threshold"]
    kept = read_answers(run)
    files = [data / "test" / name.split("/")[-1] for name in kept.names]
    again = RunPredictor(run.folder).predictions(files)
    assert kept.agrees(again).all()
    same = compare_runs(Run(run.folder), Run(run.folder), ("a", "b"), seed=0)
    assert same.differences["map"].value == 0
    assert evaluation_of_run(Run(run.folder), (), seed=0).primary == "map"
    [found] = [RunPredictor(run.folder).predictions([scene(99)[0]])]
    assert found.sizes.tolist() == [[96, 80]]


def read_answers(run):
    from headstart.results.items import read_items
    from headstart.results.outputs import read_predictions

    return read_predictions(Run(run.folder), read_items(Run(run.folder)))[1]


def test_cross_validation_measures_every_image(tmp_path):
    data = write_scenes(tmp_path / "data", 9, 0)
    run = run_of(data, tmp_path / "run", strategy="probe", evaluation="cv", epochs=1)
    results = json.loads(run.metrics.read_text())
    assert results["evaluation"]["kind"] == "cv"
    assert results["test"]["map"]["n"] == 9
    assert len(list(csv.DictReader(run.trials.open()))) == 1


@pytest.mark.parametrize("case", ["one class", "nothing on the test", "ten images", "one box"])
def test_small_and_odd_sets_are_borne(tmp_path, case):
    options = {}
    if case == "one class":
        options["kinds"] = ("lamp",)
    if case == "nothing on the test":
        options["nothing_on"] = (10, 11)
    count, test = (10, 2) if case == "ten images" else (12, 2)
    data = write_scenes(tmp_path / "data", count, test, **options)
    if case == "one box":
        file = data / "train" / "_annotations.coco.json"
        content = json.loads(file.read_text())
        content["categories"].append({"id": 3, "name": "rare"})
        content["annotations"][0]["category_id"] = 3
        file.write_text(json.dumps(content))
    run = run_of(data, tmp_path / "run", strategy="probe", epochs=1)
    results = json.loads(run.metrics.read_text())
    value = results["test"]["map"]["value"]
    if case == "nothing on the test":
        assert value is None or np.isnan(value)
    else:
        assert 0 <= value <= 1
    assert run.report.is_file()


def test_without_any_box_nothing_is_learnt_and_scratch_is_refused(tmp_path):
    data = write_scenes(tmp_path / "data", 6, 2, kinds=())
    with pytest.raises(DataError, match="box"):
        run_of(data, tmp_path / "run")
    with pytest.raises(OptionError, match="scratch"):
        TrainOptions(data="x", task="detection", strategy="scratch")


def test_a_budget_of_nothing_leaves_the_frozen_network(tmp_path):
    data = write_scenes(tmp_path / "data", 12, 2)
    run = run_of(
        data, tmp_path / "run", epochs="auto", budget=1e-4,
        recipe=FEW + ",head_epochs=1,steps=1",
    )  # fmt: skip
    assert {row["arm"] for row in csv.DictReader(run.trials.open())} == {"head"}
    assert "--budget left time for 0" in json.loads(run.metrics.read_text())["model"]["summary"]


def test_a_budget_cuts_the_head_too_and_says_so(tmp_path):
    data = write_scenes(tmp_path / "data", 12, 2)
    run = run_of(data, tmp_path / "run", epochs="auto", budget=1e-4, strategy="probe")
    said = json.loads(run.metrics.read_text())["model"]["summary"]
    assert "--budget left time for 1 of 80 epochs of a head on frozen maps, of about" in said


def test_maps_are_those_of_their_images_where_some_could_not_be_read():
    layout = MapLayout(8, ((2, 2, 2),))
    rows = np.arange(4)[:, None] * np.ones((1, 8), np.float16)
    maps = Maps(layout, rows.astype(np.float16), "").take(np.array([False, True, False, True]))
    found = train_boxes._rows(SimpleNamespace(maps=maps), np.array([1, 0]))
    assert found[:, 0].tolist() == [3, 1]
    assert found.shape == (2, 8)
