"""A model learns to tell what is unlike its training images, and which other classes fit."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tests.strategies.problems import asking, material

from headstart.compute import Compute
from headstart.data.labels import Numbers
from headstart.data.open import open_dataset
from headstart.nets.model import Model
from headstart.records import to_json
from headstart.scoring.run_predictor import RunPredictor
from headstart.strategies.classes.doubts import HeldScores, with_doubts
from headstart.strategies.classes.train import train_classes
from headstart.strategies.clock import Clock
from headstart.strategies.make_problem import make_problem

CPU = Compute(device="cpu", workers=1)


def trained(data, tmp_path, **options):
    prepared, network = material(data)
    with asking(tmp_path / "run", **options) as ask:
        return train_classes(prepared, network, ask, CPU, Clock()), prepared, network


@pytest.mark.parametrize("splits", [(), ("train", "test")])
def test_a_training_tells_its_doubts(make_images, tmp_path, splits):
    data = open_dataset(make_images(per_class=16, splits=splits))
    found, _, network = trained(data, tmp_path, baselines="none")
    told = json.loads(to_json(found.sections["doubts"]))
    tested = len(found.items)
    assert told["sets"]["tested"]["n"] == told["unlike"]["tested"]["n"] == tested
    assert told["sets"]["tested"]["value"] > 0.6
    assert 0 < told["sets"]["classes"] <= 3
    assert told["unlike"]["bytes"] < 200_000
    assert told["unlike"]["tested"]["value"] < 0.4
    assert len(found.model.spec.settings["floors"]) == 3
    assert "floors" not in found.answered[0][2].settings, "rounds are decoded as before"
    far = found.model.unlike.distances(network.features.vectors)
    assert (far > 1).mean() <= 0.1, "what was learnt from is like itself"
    found.model.save(tmp_path / "model")
    flat = tmp_path / "grey.png"
    Image.fromarray(np.full((48, 48, 3), 255, np.uint8)).save(flat)
    record = RunPredictor(Model.load(tmp_path / "model")).predictions([flat]).record(0)
    assert record["unlike"] is True
    assert set(record["possible"]) <= set(found.model.spec.names)


def test_numbers_have_no_sets_and_are_told_what_is_unlike(make_images, tmp_path):
    data = open_dataset(make_images(per_class=12))
    shades = Numbers("shade", 10.0 * data.labels.targets + np.arange(36) / 100)
    data = replace(data, labels=shades, task="regression")
    found, _, _ = trained(data, tmp_path, baselines="none")
    assert set(found.sections["doubts"]) == {"unlike"}
    assert found.model.unlike is not None


def test_a_network_that_learnt_itself_is_asked_about_its_test_images(make_images, tmp_path):
    data = open_dataset(make_images(per_class=12, splits=("train", "test")))
    found, prepared, network = trained(data, tmp_path, baselines="none")
    problem = make_problem(prepared, "auto", folds=2, seed=0)
    model = replace(found.model, unlike=None, spec=problem.final_spec)
    items = problem.rounds[0].test
    right = np.eye(3)[problem.final.targets[items]] * 4
    held = HeldScores(items, right, 1.0)
    outcome = type("Outcome", (), {"folds": ()})()
    outcome.folds = (_Fold(problem.rounds[0], right),)
    made, told = with_doubts(model, problem, outcome, None, held, CPU)
    far = made.unlike.distances(network.features.vectors)
    assert (far[items] > 1).mean() <= 0.05
    assert told["unlike"]["tested"] is None, "they said themselves what is far"
    assert told["sets"]["tested"].value == 1
    turns = replace(problem, rounds=problem.rounds * 2)
    made, told = with_doubts(model, turns, outcome, None, held, CPU)
    assert made.unlike is None
    assert set(told) == {"sets"}


class _Fold:
    def __init__(self, learnt, scores):
        self.round, self.test, self.probe = learnt, learnt.test, None
        self.probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def test_few_images_are_not_asked(make_images, tmp_path):
    data = open_dataset(make_images(per_class=4))
    found, _, _ = trained(data, tmp_path, baselines="none")
    assert found.model.unlike is None
    assert "doubts" not in found.sections
