"""Advice about boxes and masks: the frozen network, the full training, and half of the images."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.strategies.box_sets import write_scenes

from headstart.console.advice import show_placed_advice
from headstart.options.advise import AdviseOptions
from headstart.strategies.ways import way_of
from headstart.verbs.advise import advise

FEW = "width=8,views=2,head_epochs=2,steps=1,epochs=1,low=0.8,high=1.25,onward=0.5"


class Heard:
    def __init__(self):
        self.lines = []

    def print(self, *parts, **_):
        self.lines += [str(each) for each in parts]


def test_boxes_are_advised_on_on_a_part_of_the_training_images(tmp_path):
    data = write_scenes(tmp_path / "data", 16, 3)
    found = advise.run(
        AdviseOptions(
            data=data, task="detection", backbone="starter", image_size=64, device="cpu",
            workers=1, folds=3, recipe=FEW, budget=1.0,
        ),
        None,
    )  # fmt: skip
    assert found.task == "detection"
    assert found.facts["training images"] == 13
    assert list(found.rows) == ["starter, frozen", "starter, full training", "starter, half"]
    assert all(each.low <= each.value <= each.high for each in found.rows.values())
    assert "--task detection" in found.command
    assert any(each.startswith("Expect") for each in found.summary)
    assert any("Twice as many" in each for each in found.summary)
    [further] = [each for each in found.summary if "further" in each]
    assert re.search(r"(brought|nothing here,) [+-]\d\.\d{3} \(95%: ", further)
    heard = Heard()
    show_placed_advice(found, heard)
    assert heard.lines[-1].startswith("→ headstart train")


def test_training_that_no_time_was_left_for_is_not_said_to_bring_nothing(tmp_path, monkeypatch):
    def way(task):  # as it ends where the budget allows no epoch: the frozen arms alone
        return lambda prepared, network, ask, *more: way_of(task)(
            prepared, network, replace(ask, strategy="probe"), *more
        )

    monkeypatch.setattr("headstart.advice.advise_places.way_of", way)
    found = advise.run(
        AdviseOptions(
            data=write_scenes(tmp_path / "data", 12, 3), task="detection", backbone="starter",
            image_size=64, device="cpu", workers=1, folds=3, recipe=FEW, budget=1.0,
        ),
        None,
    )  # fmt: skip
    assert list(found.rows) == ["starter, frozen", "starter, half"]
    assert found.gain is None
    assert found.command.endswith("--strategy probe -o RUN")
    [further] = [each for each in found.summary if "further" in each]
    assert "further pays was not measured: --budget 1 leaves no time" in further
