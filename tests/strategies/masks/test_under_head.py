"""The network learns on under a trained head: from its weights, and to the same bit again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.mask_sets import QUIET, discs, material, stop_at

from headstart.strategies.masks import under_head as module
from headstart.strategies.masks.head import HeadTask, head_arm
from headstart.strategies.masks.material import read_masks
from headstart.strategies.masks.under_head import has_time, minutes_lacking, under_head_arm
from headstart.strategies.placed.lesson import States
from headstart.strategies.placed.problem import Folds
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.checkpoint import Checkpoints
from headstart.training.loop import Training

RECIPE = MaskRecipe(epochs=4, batch=4, width=16, views=2, ema=0.9)


@pytest.fixture
def head(tmp_path):
    prepared, network = material(discs(tmp_path / "data", 14, 2))
    items = np.flatnonzero(prepared.splits == "train")
    given = read_masks(prepared, items, network.preprocess, 4, QUIET)
    task = HeadTask(prepared, given, network.backbone, network.preprocess, RECIPE)
    folds = Folds(np.arange(len(items)) % 3, 3)
    return head_arm(task, folds, QUIET, States(Checkpoints(None))), folds


def test_it_starts_from_the_head_whose_own_answer_stays_as_it_was(head, tmp_path):
    course, folds = head
    held, before = folds.held, course.learner.scores(folds.held)
    at_start = []
    learn = Training._learn

    def looks(self, *given):
        if not at_start:
            self.net.eval()
            at_start.append(under.learner.scores(held))
            self.net.train()
        return learn(self, *given)

    under = module.Course(
        module._UnderHead(course.learner, course.compute, tmp_path), course.compute, States()
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "_learn", looks)
        under.begin(folds, course.learner.task.material.truth)
    np.testing.assert_allclose(at_start[0], before, atol=0.05)  # kept as halves
    np.testing.assert_array_equal(course.learner.scores(held), before)
    assert np.abs(under.learner.scores(held) - before).max() > 0.05
    assert (under.learner.recipe.lr, under.learner.fewest) == (0.5 * RECIPE.lr, 2)
    kept = under.finish()
    assert (kept.name, kept.size, kept.head.plan) == (
        "fine-tuned",
        course.arm.size,
        course.arm.head.plan,
    )
    assert kept.backbone.fingerprint != course.arm.backbone.fingerprint
    assert list(under.history) == ["fine-tuned", "fine-tuned-all"]


def test_stopped_at_any_step_it_ends_bit_for_bit_the_same(head, tmp_path, monkeypatch):
    course, folds = head

    def arm(checkpoints):
        return under_head_arm(course, folds, States(checkpoints), place=tmp_path).finish()

    whole = arm(Checkpoints(None))
    begun = stop_at((3, 9), monkeypatch)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            arm(Checkpoints(tmp_path, every=0))
    again = arm(Checkpoints(tmp_path, every=0))
    assert begun[0] > 9
    assert again.backbone.fingerprint == whole.backbone.fingerprint
    assert all(
        np.array_equal(whole.head.arrays[name], again.head.arrays[name])
        for name in whole.head.arrays
    )


def test_it_is_begun_where_time_is_left_and_that_stands_when_it_is_resumed(head, tmp_path):
    course, _ = head
    course.arm = replace(course.arm, seconds=40.0)
    assert not has_time(course, States(Checkpoints(None), seconds=59.0))
    kept = Checkpoints(tmp_path)
    assert has_time(course, States(kept, seconds=61.0))
    assert has_time(course, States(kept, seconds=1.0))  # resumed, later
    assert minutes_lacking(course, States(Checkpoints(None), seconds=59.0)) == 2  # of 140 s
    assert minutes_lacking(course, States(Checkpoints(None), seconds=139.0)) == 1
