"""How long an arm of masks is trained: what the budget allows, decided once."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.mask_sets import QUIET, discs, material

from headstart.errors import ModelError
from headstart.strategies.masks import course as module
from headstart.strategies.masks.course import Course
from headstart.strategies.masks.head import HeadLearner, HeadTask, head_arm
from headstart.strategies.masks.material import read_masks
from headstart.strategies.placed.lesson import States
from headstart.strategies.placed.problem import Folds
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.checkpoint import Checkpoints

RECIPE = MaskRecipe(epochs=8, batch=4, width=16, views=2)


@pytest.fixture
def begin(tmp_path):
    prepared, network = material(discs(tmp_path / "data", 14, 2))
    items = np.flatnonzero(prepared.splits == "train")
    given = read_masks(prepared, items, network.preprocess, 4, QUIET)
    task = HeadTask(prepared, given, network.backbone, network.preprocess, RECIPE)
    folds = Folds(np.arange(len(items)) % 3, 3)
    return lambda how, **asked: head_arm(replace(task, **asked), folds, QUIET, how)


def test_a_budget_that_is_ample_changes_no_bit(begin):
    whole = begin(States(Checkpoints(None))).finish().head.arrays
    timed = begin(States(Checkpoints(None), seconds=1e6))
    assert timed.said == ""
    again = timed.finish().head.arrays
    assert all(np.array_equal(whole[name], again[name]) for name in whole)


def test_a_budget_that_is_too_small_trains_nothing_and_says_so(begin, tmp_path):
    course = begin(States(Checkpoints(tmp_path), seconds=1e-3))
    assert course.arm is None
    assert not course.history
    assert "the budget allows 0 of 8 epochs" in course.said


def test_nothing_is_trained_where_the_epochs_that_an_arm_needs_do_not_fit(begin, monkeypatch):
    monkeypatch.setattr(HeadLearner, "fewest", 6)
    for fits, epochs in ((5, 0), (6, 6)):
        monkeypatch.setattr(module.Pace, "fitting", lambda pace, *_, n=fits: n * pace.per_epoch)
        course = begin(States(Checkpoints(None), seconds=1e6))
        assert len(course.history.get("head", ())) == epochs
        assert f"allows {epochs} of 8" in course.said


def test_what_was_asked_for_is_trained_all_the_same_and_the_shortfall_is_said(begin, tmp_path):
    course = begin(States(Checkpoints(tmp_path), seconds=1e-3), forced=True)
    assert len(course.history["head"]) == 3
    assert "allows 0 of 8 epochs, and 3 are taken, because it was asked for" in course.said


class Slow:
    """Takes a second of every call, and a hundredth of every image."""

    inputs = range(112)
    tile: int | None = None

    def scores(self, items):
        self.clock += 1 + 0.01 * len(items)

    clock = 0.0


def test_what_a_call_takes_by_itself_is_not_counted_for_every_image(monkeypatch):
    slow = Slow()
    monkeypatch.setattr(module.time, "perf_counter", lambda: slow.clock)
    judging = Course(slow, QUIET, States())._judging(np.arange(100))
    assert judging == pytest.approx(3 + 0.01 * (12 + 24))
    slow.tile, begun = 1024, slow.clock  # fewer of what takes long
    judging = Course(slow, QUIET, States())._judging(np.arange(100))
    assert judging == pytest.approx(3 + 0.01 * (12 + 6))
    assert slow.clock - begun == pytest.approx(4 + 0.01 * 6)


class Loading:
    """A learner whose first view waits a minute for what is loaded once; any takes 2 s."""

    name, views, recipe, clock = "head", 4, RECIPE, 0.0

    def __init__(self):
        self.lesson = self
        self.start, self.seen = {}, set()

    def see(self, view):
        self.clock += 0 if view in self.seen else 2 if self.seen else 62
        self.seen.add(view)

    def training(self, own, recipe, compute):
        self.tell = compute.progress
        return self

    def run(self, until):
        for step in range(until):
            self.see(0)
            self.clock += 0.5
            self.tell("", step, until)

    def put(self, start):
        self.start = start


def test_what_is_loaded_once_is_not_counted_for_every_view(monkeypatch):
    learner = Loading()
    monkeypatch.setattr(module.time, "perf_counter", lambda: learner.clock)
    assert Course(learner, QUIET, States())._timed(np.arange(8)) == (2.0, 0.5)
    assert learner.seen == {0, 1}


def test_what_was_decided_stands_when_it_is_resumed(begin, tmp_path):
    file = tmp_path / "head-planned.json"
    file.write_text(json.dumps({"decided": 6, "why": "{} of 8"}))  # of 2 steps an epoch
    (tmp_path / "head-steps.json").write_text(json.dumps({"decided": 7, "why": ""}))
    course = begin(States(Checkpoints(tmp_path), seconds=1e6))
    epochs = course.history["head"]
    assert ([each.images for each in epochs], course.said) == ([8, 8, 8, 4], "3.5 of 8")
    course.finish()
    assert sum(each.images for each in course.history["head-all"]) == 8  # 2 steps of 4
    file.write_text(json.dumps({"epochs": 400}))
    with pytest.raises(ModelError, match="damaged"):
        begin(States(Checkpoints(tmp_path), seconds=1e6))
