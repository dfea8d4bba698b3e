"""Advice about classes: measured on training images only, whatever networks are compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.nets.saved import write_folder
from tests.strategies.problems import material
from tests.training.trainings import pictures

from headstart.advice import advise_classes as module
from headstart.advice.advise_classes import Wanted, advise_classes
from headstart.compute import Compute
from headstart.nets.pretrained.backbone import open_backbone
from headstart.records import Finding
from headstart.strategies.clock import Clock
from headstart.training.schedule import Recipe

CPU = Compute(device="cpu", workers=1)
WANTED = Wanted("DATA", Recipe(), 0.0, 2, False, None, {"label": None}, {"gone": "not here"})


@pytest.fixture
def ground(tmp_path):
    """Three shades, a fifth of them held out by the data, and the starter network."""
    data = pictures(tmp_path / "data", (10, 10, 10), spread=10)
    return material(replace(data, splits=np.where(np.arange(30) % 5, "train", "test")))


def advised(prepared, looks, wanted=WANTED, findings=()):
    return advise_classes(prepared, findings, looks, wanted, CPU, Clock())


def test_the_answer_and_the_training_to_run(ground):
    prepared, network = ground
    found = (Finding("a", "serious", "A.", (), "Mend."), Finding("b", "note", "B.", (), "No."))
    looks = [(network.backbone, network.preprocess)]
    advice = advised(prepared, looks, replace(WANTED, columns={"label": "kind"}), found)
    [only] = advice.candidates
    assert (only.backbone, only.image_size) == (network.backbone.name, 32)
    assert advice.command.startswith("headstart train DATA --label kind --backbone ")
    assert advice.command.endswith("--image-size 32 --strategy probe -o RUN")
    assert [each.check for each in advice.findings] == ["a"]
    assert advice.expected.low <= advice.expected.value <= advice.expected.high
    assert "on a test of this kind" in " ".join(advice.summary)
    assert advice.facts["images"] == 30
    assert advice.skipped == {"gone": "not here"}
    assert "DATA" in repr(advice)
    assert "<code>headstart train" in advice._repr_html_()


def test_a_test_is_not_looked_at(ground, monkeypatch):
    prepared, network = ground
    seen = []
    ranked = module.rank

    def watched(own, *args, **options):
        seen.extend(own.dataset.names)
        return ranked(own, *args, **options)

    monkeypatch.setattr(module, "rank", watched)
    advised(prepared, [(network.backbone, network.preprocess)])
    data = prepared.dataset
    assert seen == [data.names[i] for i in np.flatnonzero(data.splits == "train")]


def test_two_backbones_of_one_folder_name_are_kept_apart(ground, tmp_path):
    prepared, network = ground
    kinds = {"A": "test_resnet", "B": "test_efficientnet"}
    places = {name: write_folder(tmp_path / name / "m", kind) for name, kind in kinds.items()}
    seen = network.preprocess
    looks = [(open_backbone(str(place)), seen) for place in places.values()]
    assert {backbone.name for backbone, _ in looks} == {"m"}
    weights = {backbone.info.parameters: place for (backbone, _), place in zip(
        looks, places.values(), strict=True
    )}  # fmt: skip
    advice = advised(prepared, looks)
    assert len(advice.candidates) == len(weights) == 2
    assert {each.parameters for each in advice.candidates} == set(weights)
    best = weights[advice.candidates[0].parameters]
    assert f"--backbone {best} " in advice.command
    turned = advised(prepared, looks[::-1])
    assert turned.command == advice.command, "the order of asking decides nothing"
