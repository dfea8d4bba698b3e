"""From usable items to a model: of classes and of numbers, tested once or by turns."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.problems import asking, material
from tests.training.trainings import pictures

from headstart.compute import Compute
from headstart.data.labels import Numbers
from headstart.data.open import open_dataset
from headstart.records import to_json
from headstart.scoring.curve import curve_section
from headstart.scoring.score import score
from headstart.strategies.classes.train import train_classes
from headstart.strategies.clock import Clock

CPU = Compute(device="cpu", workers=1)


def train(data, tmp_path, **options):
    prepared, network = material(data)
    clock = Clock()
    with asking(tmp_path / "run", **options) as ask:
        return train_classes(prepared, network, ask, CPU, clock), network, clock


def test_a_probe_by_turns(make_images, tmp_path, monkeypatch):
    data = open_dataset(make_images(per_class=8))
    counted = []

    def noted(*args, have, **more):
        counted.append(have)
        return curve_section(*args, have=have, **more)

    monkeypatch.setattr("headstart.strategies.classes.train.curve_section", noted)
    found, network, clock = train(data, tmp_path)
    assert found.evaluation[0] == "cv"
    assert found.items.tolist() == list(range(24))
    assert len(found.answered) == 2
    scored = score("classification", found.predictions, data.labels)
    naive = score("classification", found.baselines["majority"], data.labels)
    assert scored.value.value > naive.value.value + 0.2
    assert found.uncalibrated.labels.tolist() == found.predictions.labels.tolist()
    assert set(found.baselines) == {"majority", "raw_pixels"}
    assert set(clock.seconds) == {"fit", "baselines and learning curve", "doubts"}
    assert found.histories is None
    assert set(found.sections) == {"learning_curve", "doubts"}
    assert json.loads(to_json(found.sections))["learning_curve"]["points"]
    assert counted == [24], "the model that is kept learns from all of them"
    assert not (tmp_path / "run").exists(), "writing is somebody else's"
    # What is kept answers like the network and head that it is made of.
    outputs = found.model.outputs(network.features.vectors)["probabilities"]
    assert (outputs.argmax(axis=1) == data.labels.targets).mean() > 0.9
    assert found.model.spec.names == data.labels.names


def test_trials_begin_with_the_chosen_one(make_images, tmp_path):
    found, _, _ = train(open_dataset(make_images(per_class=6)), tmp_path, baselines="none")
    assert found.baselines == {}
    assert found.trials[0]["chosen"]
    assert not any(each["chosen"] for each in found.trials[1:])
    assert len({tuple(each) for each in found.trials}) == 1, "every row has the same columns"
    assert found.summary.endswith(f"among {len(found.trials)} trials")


def test_numbers_take_the_same_way(tmp_path):
    data = pictures(tmp_path / "data", (10, 10, 10), spread=2)
    shades = 10.0 * data.labels.targets + np.arange(30) / 100
    labels = Numbers("shade", shades)
    found, _, _ = train(replace(data, labels=labels, task="regression"), tmp_path)
    own = score("regression", found.predictions, labels).value
    naive = score("regression", found.baselines["constant"], labels).value
    assert own.value < 0.7 * naive.value
    assert found.model.spec.settings["quantity"] == "shade"
    assert [spec.task for _, _, spec in found.answered] == ["regression"] * 2


def test_auto_that_keeps_the_probe_says_so_without_leaving_anything(make_images, tmp_path):
    data = open_dataset(make_images(per_class=8, splits=("train", "test")))
    found, _, _ = train(data, tmp_path, strategy="auto", budget=0.0)
    assert found.evaluation[0] == "holdout"
    assert found.items.tolist() == np.flatnonzero(data.splits == "test").tolist()
    assert "advice" in found.sections
    assert "finetuning" not in found.sections
    assert found.sections["advice"]["rows"][0]["strategy"] == "frozen probe"


@pytest.mark.parametrize("strategy", ["probe", "auto"])
def test_the_same_seed_gives_the_same(make_images, tmp_path, strategy):
    data = open_dataset(make_images(f"of {strategy}", per_class=5))
    first, again = (
        train(data, tmp_path, strategy=strategy, budget=0.0, baselines="none")[0] for _ in range(2)
    )
    assert first.predictions.probabilities.tolist() == again.predictions.probabilities.tolist()
