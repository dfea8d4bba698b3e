"""Boxes are learnt from images that vary anew, or from cached maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.strategies.box_sets import QUIET, SIZE
from tests.strategies.box_tasks import RECIPE, box_task, untrained

from headstart.nets.box_head import grid
from headstart.nets.loader import Plan
from headstart.strategies.box_arms import lesson_of
from headstart.strategies.box_training import (
    begin_boxes,
    fresh_views,
    seconds_a_step,
    train_on,
)


@pytest.fixture
def lesson(tmp_path):
    task, _ = box_task(tmp_path)
    return lesson_of(task, untrained(task), QUIET)


def test_views_follow_from_the_seed_and_differ_between_epochs(lesson):
    plan = Plan(np.zeros(12), batch=4, epochs=2, seed=0)
    found = list(fresh_views(lesson.scenes, plan.since(0), QUIET))
    again = list(fresh_views(lesson.scenes, plan.since(3), QUIET))
    assert len(found) == 6
    assert found[0].images.shape == (4, SIZE, SIZE, 3)
    assert found[0].targets["boxes"].shape[::2] == (4, 4)
    assert all(torch.equal(a.images, b.images) for a, b in zip(found[3:], again, strict=True))
    first = {int(i): x for b in found[:3] for i, x in zip(b.items, b.images, strict=True)}
    later = {int(i): x for b in found[3:] for i, x in zip(b.items, b.images, strict=True)}
    assert not any(torch.equal(first[i], later[i]) for i in first)


def test_some_of_the_images_are_learnt_from(lesson):
    before = [each.detach().clone() for each in lesson.net.parameters()]
    own = np.array([1, 4, 5, 7, 9])
    heard = []
    told = QUIET.with_progress(lambda *each: heard.append(each))
    history = train_on(lesson, own, replace(RECIPE, epochs=1), told, phase="learning")
    assert history[0].images == 5
    assert np.isfinite(history[0].loss)
    assert heard[0][0].startswith("learning: epoch 1 of 1")
    assert any(not torch.equal(a, b) for a, b in zip(before, lesson.net.parameters(), strict=True))


def test_timing_a_step_leaves_the_network_as_it_is(lesson):
    before = [each.detach().clone() for each in lesson.net.parameters()]
    assert seconds_a_step(lesson, np.arange(12), RECIPE, QUIET) > 0
    after = list(lesson.net.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_cells_and_steps_are_those_of_the_head_and_the_recipe(lesson):
    shapes = [(SIZE // lesson.plan.strides[s],) * 2 for s in lesson.plan.stages]
    assert (lesson.cells == grid(lesson.plan, shapes)).all()
    training = begin_boxes(lesson, np.arange(8), RECIPE, QUIET, phase="x")
    assert (training.plan.per_epoch, training.total) == (2, 4)
