"""How many steps fit into a budget; decided once."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
from tests.strategies.box_sets import QUIET
from tests.strategies.box_tasks import RECIPE, box_task, untrained

from headstart.errors import ModelError
from headstart.strategies.boxes.arms import lesson_of
from headstart.strategies.boxes.budget import fitting_head, fitting_recipe
from headstart.strategies.placed.lesson import Lesson


@pytest.fixture
def given(tmp_path, monkeypatch):
    task, _ = box_task(tmp_path)
    asked = []

    def seconds(*_):
        asked.append(1)
        return 200 / 1.15

    monkeypatch.setattr(Lesson, "seconds_a_step", seconds)
    return task, partial(lesson_of, task, untrained(task), QUIET), asked


LONG = replace(RECIPE, epochs=10, steps=1)


def fitting(given, left, recipe=LONG, forced=False, **options):
    task, lesson, _ = given
    by = time.perf_counter() + left
    return fitting_recipe(task, lesson, recipe, options, QUIET, by=by, forced=forced)


def test_time_decides_once_and_a_run_that_goes_on_does_not_measure_again(given):
    # 8 images are 2 steps of 4; half as many follow with all images: 300 s a step.
    recipe, pace, why = fitting(given, 2900.0)
    assert (recipe.most_steps, recipe.epochs) == (9, 10)  # 4.5 epochs, and 5 steps more
    assert (pace.per_epoch, pace.least, pace.most, pace.onward) == (2, 2, 20, 0.5)
    assert why == "of about 400 s each"
    assert fitting(given, 0.0)[0] == recipe
    assert len(given[2]) == 1
    file = given[0].states.checkpoints.folder / "steps.json"
    file.write_bytes(b"torn")
    with pytest.raises(ModelError, match="damaged"):
        fitting(given, 0.0)


@pytest.mark.parametrize(
    ("left", "forced", "wanted"), [(500.0, False, None), (500.0, True, 2), (99_999.0, False, 0)]
)
def test_no_time_no_epoch_unless_it_must_be(given, left, forced, wanted):
    recipe, _, _ = fitting(given, left, forced=forced)
    assert wanted == (None if recipe is None else recipe.most_steps)


def test_what_was_asked_for_is_not_cut(given):
    assert fitting(given, 0.0, RECIPE, epochs=2) == (RECIPE, None, "")
    assert not given[2]


def test_a_head_learns_for_the_time_there_is_and_its_views_take_some_of_it(given, monkeypatch):
    task, lesson, asked = given
    now, seen, kept = [1000.0], [], []
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(task.scenes.squares, "_images", [None], raising=False)

    def see(view):
        seen.append(view)
        now[0] += 100.0

    views = SimpleNamespace(count=4, see=see, keep=kept.append)

    def fitted(by):
        return fitting_head(task, lesson(), LONG, views, QUIET, by=by)

    # All views are there when steps are timed (2 an epoch): 200 s a step, half as many follow.
    recipe, pace, why = fitted(1000.0 + 400 + 1400)
    assert (recipe.most_steps, pace.views, pace.setup) == (4, 4, 100.0)
    assert why == "of about 400 s each"
    assert (seen, kept) == ([0, 1, 2, 3], [4])
    assert fitted(0.0)[:1] == (recipe,)  # a run that goes on does not measure again
    assert (len(asked), len(seen)) == (1, 4)
    states = task.states.checkpoints.folder

    def anew(by):
        for file in states.glob("head-*.json"):
            file.unlink()
        return fitted(by)

    few = anew(now[0] + 400 + 700)
    assert (few[0].most_steps, few[1].views, kept[-1]) == (2, 2, 2)
    assert anew(0.0)[0].most_steps == 2  # one epoch in any case
    assert kept[-1] == 1
    assert anew(1e6) == (LONG, None, "")
