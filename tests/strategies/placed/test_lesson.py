"""Boxes and masks are learnt from images that vary anew, or from cached maps, by one training."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.strategies.box_sets import QUIET
from tests.strategies.box_tasks import RECIPE, box_task, untrained

from headstart.strategies.boxes.arms import lesson_of
from headstart.strategies.placed.lesson import States
from headstart.strategies.placed.pace import Pace
from headstart.training.checkpoint import Checkpoints


@pytest.fixture
def lesson(tmp_path):
    task, _ = box_task(tmp_path)
    return lesson_of(task, untrained(task), QUIET)


def test_some_of_the_images_are_learnt_from(lesson):
    before = [each.detach().clone() for each in lesson.net.parameters()]
    own = np.array([1, 4, 5, 7, 9])
    heard, epochs = [], []
    told = QUIET.with_progress(lambda *each: heard.append(each))
    states = States(on_epoch=lambda name, epoch: epochs.append((name, epoch)))
    history, steps = lesson.learn(
        own, replace(RECIPE, epochs=1), told, name="boxes", phase="learning", states=states
    )
    assert (history[0].images, steps) == (5, 1)
    assert epochs == [("boxes", history[0])]
    assert np.isfinite(history[0].loss)
    assert heard[0][0].startswith("learning: epoch 1 of 1")
    assert any(not torch.equal(a, b) for a, b in zip(before, lesson.net.parameters(), strict=True))


def test_timing_a_step_leaves_the_network_as_it_is(lesson):
    before = [each.detach().clone() for each in lesson.net.parameters()]
    assert lesson.seconds_a_step(np.arange(12), RECIPE, QUIET) > 0
    after = list(lesson.net.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_step_that_waited_for_something_else_does_not_count(lesson):
    def late(keys):
        for number, batch in enumerate(lesson.batches(keys)):
            if number == 2:
                time.sleep(3)
            yield batch

    assert replace(lesson, batches=late).seconds_a_step(np.arange(12), RECIPE, QUIET) < 1


def test_a_training_shows_its_own_images_and_takes_the_steps_of_the_recipe(lesson):
    own = np.array([0, 2, 3, 5, 7, 8, 10, 11])
    training = lesson.training(own, RECIPE, QUIET, phase="x")
    assert (training.plan.per_epoch, training.total) == (2, 4)
    shown = [key[0] for part in training.plan.epoch(0) for key in part]
    assert sorted(shown) == own.tolist()


def test_where_time_is_left_half_way_the_training_ends_later_and_goes_on_bit_for_bit(tmp_path):
    task, _ = box_task(tmp_path)
    own, recipe = np.arange(12), replace(RECIPE, epochs=4, most_steps=4)  # 3 steps an epoch
    (tmp_path / "other").mkdir()

    def learn(place, by, stop=0):
        lesson = lesson_of(task, untrained(task), QUIET)
        steps = []

        def batches(keys):
            for batch in lesson.batches(keys):
                steps.append(batch)
                if len(steps) == stop:
                    raise KeyboardInterrupt
                yield batch

        pace = Pace(3, 3, 12, by=time.perf_counter() + by)
        states = States(Checkpoints(place, every=0.0))
        found = replace(lesson, batches=batches).learn(
            own, recipe, QUIET, name="boxes", phase="x", states=states, pace=pace
        )
        return [each.detach().clone() for each in lesson.net.parameters()], found

    whole, (epochs, steps) = learn(tmp_path / "states", 1e3)
    assert (steps, [each.images for each in epochs]) == (12, [12] * 4)
    shorter = learn(tmp_path / "states", 1e3)[1]
    assert shorter.steps == 12  # as it was decided
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "other", 1e3, stop=9)
    again, (_, steps) = learn(tmp_path / "other", 0.0)
    assert steps == 12
    assert all(torch.equal(a, b) for a, b in zip(whole, again, strict=True))


@pytest.mark.parametrize(("stop", "wanted"), [(0, 3), (2, 4)])
def test_no_time_left_ends_it_soon_unless_its_first_half_was_not_seen(tmp_path, stop, wanted):
    task, _ = box_task(tmp_path)
    lesson = lesson_of(task, untrained(task), QUIET)
    recipe = replace(RECIPE, epochs=4, most_steps=4)
    pace, states = Pace(3, 3, 12, by=time.perf_counter()), States(Checkpoints(tmp_path / "states"))
    if stop:
        before = lesson.training(np.arange(12), recipe, QUIET)
        states.checkpoints.run(before, name="boxes", fingerprint="", until=1)
        lesson = lesson_of(task, untrained(task), QUIET)
    found = lesson.learn(
        np.arange(12), recipe, QUIET, name="boxes", phase="x", states=states, pace=pace
    )
    assert found.steps == wanted
    assert sum(each.images for each in found.epochs) == 4 * wanted


def test_what_passed_is_taken_off_the_seconds():
    begun = time.perf_counter() - 10
    assert 30 < States(seconds=45.0).since(begun).seconds < 35.1
    assert States().since(begun).seconds is None
