"""How many epochs fit into a budget; decided once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from tests.strategies.box_sets import QUIET
from tests.strategies.box_tasks import RECIPE, box_task, untrained

from headstart.errors import ModelError
from headstart.strategies.box_arms import lesson_of
from headstart.strategies.box_budget import fitting_epochs
from headstart.strategies.lesson import Lesson


@pytest.fixture
def given(tmp_path, monkeypatch):
    task, _ = box_task(tmp_path)
    asked = []

    def seconds(*_):
        asked.append(1)
        return 2.0 / 1.15

    monkeypatch.setattr(Lesson, "seconds_a_step", seconds)
    return task, partial(lesson_of, task, untrained(task), QUIET), asked


def test_time_decides_once_and_a_run_that_goes_on_does_not_measure_again(given):
    task, lesson, asked = given
    recipe = replace(RECIPE, epochs=10, steps=1)
    # 8 images, and half of 12 afterwards, are 3.5 steps of 4: 7 s an epoch.
    epochs, why = fitting_epochs(task, lesson, recipe, {}, QUIET, left=29.0, forced=False)
    assert epochs == 4
    assert "4 of 10 epochs" in why
    again = fitting_epochs(task, lesson, recipe, {}, QUIET, left=0.0, forced=False)
    assert again == (epochs, why)
    assert len(asked) == 1
    file = task.states.checkpoints.folder / "epochs.json"
    file.write_bytes(b"torn")
    with pytest.raises(ModelError, match="damaged"):
        fitting_epochs(task, lesson, recipe, {}, QUIET, left=0.0, forced=False)


@pytest.mark.parametrize(
    ("left", "forced", "wanted"), [(1.0, False, 0), (1.0, True, 1), (999, False, 10)]
)
def test_no_time_no_epoch_unless_it_must_be(given, left, forced, wanted):
    task, lesson, _ = given
    recipe = replace(RECIPE, epochs=10, steps=1)
    assert fitting_epochs(task, lesson, recipe, {}, QUIET, left=left, forced=forced)[0] == wanted


def test_what_was_asked_for_is_not_cut(given):
    task, lesson, asked = given
    found = fitting_epochs(task, lesson, RECIPE, {"epochs": 2}, QUIET, left=0.0, forced=False)
    assert found == (2, "")
    assert not asked
