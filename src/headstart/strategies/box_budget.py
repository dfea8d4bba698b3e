"""How many steps of fine-tuning a budget allows, by the time that a step takes here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from headstart.compute import Compute
from headstart.strategies.box_input import steps_to_epochs
from headstart.strategies.box_pupil import BoxTask
from headstart.strategies.lesson import Lesson
from headstart.strategies.pace import Pace
from headstart.strategies.placed_input import names_epochs
from headstart.tasks.detection.recipe import BoxRecipe

__all__ = ["fitting_recipe"]

# Steps that were timed say this much too little of minutes to come.
_SLOWER = 1.15


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
        each = _SLOWER * lesson().seconds_a_step(own, recipe, compute)
        fitting = pace.fitting(by - time.perf_counter(), each)
        if fitting >= pace.most:
            return pace.most, ""
        steps = fitting if fitting >= per_epoch else per_epoch * int(forced)
        return steps, f"of about {each * per_epoch:.0f} s each"

    steps, why = task.states.checkpoints.once("steps", decide)
    if steps >= pace.most:
        return wanted, None, ""
    return replace(wanted, most_steps=steps) if steps else None, pace, why
