"""How many steps of fine-tuning a budget allows, by the time that a step takes here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from headstart.compute import Compute
from headstart.strategies.boxes.input import steps_to_epochs
from headstart.strategies.boxes.pupil import BoxTask
from headstart.strategies.placed.input import names_epochs
from headstart.strategies.placed.lesson import Lesson
from headstart.strategies.placed.pace import Pace
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.training.map_views import MapViews

__all__ = ["fitting_head", "fitting_recipe"]

# Steps that were timed say this much too little of minutes to come.
_SLOWER = 1.15
# Steps that are timed, at most.
_TOUCHED = 9
# Where time is short, the share of it that goes into views of images instead of steps: of as many
# seconds, 7 epochs of 2 views gave AP 0.458 and 0.432 on held-out raccoons, 5 of 4 views 0.458 and
# 0.349.
_SEEING = 0.25


def fitting_recipe(
    task: BoxTask,
    lesson: Callable[[], Lesson],
    recipe: BoxRecipe,
    options: dict[str, Any],
    compute: Compute,
    *,
    by: float,
    forced: bool,
) -> tuple[BoxRecipe | None, Pace | None, str]:
    """Returns how network and head are trained, their pace, and how long their epochs take.

    It is decided once, and kept with the states of the training.

    Args:
        task: What is learnt from.
        lesson: Makes what would be learnt, on a network of its own.
        recipe: How.
        options: Of the verb: what was asked for is not cut.
        compute: Where.
        by: When all of it has to be over, as `time.perf_counter` tells it.
        forced: Whether it is trained in any case.

    Returns:
        None for the recipe where nothing is trained, for the pace where nothing is cut.
    """
    own = task.folds.own
    wanted = replace(recipe, epochs=steps_to_epochs(options, recipe, len(own), recipe.batch))
    if names_epochs(options):
        return wanted, None, ""
    per_epoch = task.per_epoch(recipe)
    pace = Pace(per_epoch, per_epoch, per_epoch * wanted.epochs, by, recipe.onward)

    def decide() -> tuple[int, str]:
        return _steps(pace, _SLOWER * lesson().seconds_a_step(own, recipe, compute), forced=forced)

    steps, why = task.states.checkpoints.once("steps", decide)
    if steps >= pace.most:
        return wanted, None, ""
    return replace(wanted, most_steps=steps) if steps else None, pace, why


def fitting_head(
    task: BoxTask,
    lesson: Lesson,
    recipe: BoxRecipe,
    views: MapViews,
    compute: Compute,
    *,
    by: float,
) -> tuple[BoxRecipe, Pace | None, str]:
    """Returns how a head on frozen maps is trained, its pace, and how long its epochs take.

    It is trained in any case, for an epoch at least: nothing answers before it. Decided once.

    Args:
        task: What is learnt from.
        lesson: What is learnt; its net stays as it is.
        recipe: How, with the epochs that are wanted.
        views: Of the images, each of which takes its time when it is first needed.
        compute: Where.
        by: As `fitting_recipe` has it.

    Returns:
        None for the pace where nothing is cut.
    """
    per_epoch = task.per_epoch(recipe)
    most = per_epoch * recipe.epochs
    pace, each = Pace(per_epoch, per_epoch, most, by, recipe.onward, views.count), 0.0

    def time_it() -> tuple[int, str]:
        nonlocal pace, each
        task.scenes.squares[0]  # all are read with the first, which no view after it takes
        begun = time.perf_counter()
        views.see(0)
        pace = replace(pace, setup=max(1e-3, time.perf_counter() - begun))
        for view in range(1, min(views.count, -(-_TOUCHED // per_epoch))):
            views.see(view)  # or the steps that are timed would be those that make them
        each = _SLOWER * lesson.seconds_a_step(task.folds.own, recipe, compute)
        left = by - time.perf_counter()
        if pace.fitting(left, each) >= most:
            return views.count, ""
        return 1 + max(0, int(_SEEING * left / pace.setup)), ""

    once = task.states.checkpoints.once
    count, _ = once("head-views", time_it)
    pace = replace(pace, views=min(count, views.count))
    steps, why = once("head-planned", lambda: _steps(pace, each, forced=True))
    if steps >= most:
        return recipe, None, ""
    views.keep(pace.views)
    return replace(recipe, most_steps=steps), pace, why


def _steps(pace: Pace, each: float, *, forced: bool) -> tuple[int, str]:
    """Returns for how many steps of so many seconds there is time, 0 for too few, and why."""
    fitting = pace.fitting(pace.by - time.perf_counter(), each)
    if fitting >= pace.most:
        return pace.most, ""
    steps = fitting if fitting >= pace.per_epoch else pace.per_epoch * int(forced)
    return steps, f"of about {each * pace.per_epoch:.{int(each * pace.per_epoch < 10)}f} s each"
