"""What every way that learns boxes does around its own net."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.strategies.box_sets import QUIET
from tests.strategies.box_tasks import RECIPE, box_task, untrained

from headstart.strategies.boxes.pupil import LearningArm, Pupil


class Taught(Pupil):
    """One that learns nothing and always finds the same."""

    name = phase = "taught"

    def __init__(self, task, given):
        super().__init__(task, QUIET, RECIPE)
        self.given, self.asked = given, []

    def head(self):
        return self.given.head

    def find(self, rows):
        n = len(rows)
        boxes = np.tile(np.array([[[4.0, 4, 30, 30]]]), (n, 1, 1))
        return {"boxes": boxes, "scores": np.full((n, 1), 0.5), "labels": np.zeros((n, 1), int)}

    def train(self, name, own, recipe, phase, pace=None):
        self.asked.append((name, own.tolist(), recipe.epochs, recipe.most_steps))
        self.history[name] = ()
        return 5


def test_it_learns_on_all_but_one_fold_and_then_on_all(tmp_path):
    task, _ = box_task(tmp_path)
    pupil = Taught(task, untrained(task))
    arm = LearningArm(pupil.begin(), pupil.history, pupil)
    assert arm.arm.name == "taught"
    assert arm.arm.held.rows.tolist() == task.folds.held.tolist()
    assert arm.finish().backbone is task.backbone
    first, onward = pupil.asked
    assert first == ("taught", task.folds.own.tolist(), RECIPE.epochs, 0)
    assert onward == ("taught-all", list(range(12)), 1, 0)
    assert list(arm.history) == ["taught", "taught-all"]


def test_where_steps_are_counted_it_learns_on_for_a_share_of_those_that_it_took(tmp_path):
    task, _ = box_task(tmp_path)
    pupil = Taught(task, untrained(task))
    pupil.recipe = replace(RECIPE, epochs=6, most_steps=3)
    arm = LearningArm(pupil.begin(), pupil.history, pupil)
    assert arm.arm.epochs == 2.5  # 5 steps of 2
    arm.finish()
    assert pupil.asked[1][2:] == (3, 3)
