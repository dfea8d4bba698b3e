"""How many steps there is time for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headstart.strategies.placed.pace import Pace, seconds_of


def test_as_many_steps_as_fit_and_no_more_than_the_recipe_has():
    pace = Pace(per_epoch=4, least=4, most=80, by=0.0, onward=0.25)
    assert pace.needs(8, 2.0) == 20  # and two steps with all images
    assert pace.fitting(1000, 1.0) == 80
    assert pace.fitting(20.0, 2.0) == 8
    assert pace.fitting(19.9, 2.0) == 7
    assert pace.fitting(-1.0, 2.0) == 0


def test_what_is_done_is_not_paid_again_and_stays_done():
    pace = Pace(per_epoch=4, least=4, most=80, by=0.0, onward=0.25)
    assert pace.needs(8, 2.0, done=5) == 10
    assert pace.fitting(10.0, 2.0, done=5) == 8
    assert pace.fitting(0.0, 2.0, done=5) == 5


def test_views_that_are_made_once_cost_time_in_the_first_epochs():
    pace = Pace(per_epoch=4, least=4, most=80, by=0.0, views=3, setup=10.0)
    assert [pace.needs(steps, 1.0) for steps in (4, 5, 9, 13)] == [4, 15, 29, 33]
    assert pace.needs(9, 1.0, done=5) == 14
    assert pace.fitting(14.9, 1.0) == 4
    assert replace(pace, there=2).needs(9, 1.0) == 19  # two are made, one is missing


def test_a_step_that_waited_for_something_else_does_not_count():
    marks = [float(each) for each in range(20)]
    assert seconds_of([*marks, 300.0]) == pytest.approx(1.0)
    assert seconds_of([1.0]) == 0.0
