"""How many epochs of fine-tuning a budget allows, by the time that a step takes here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headstart.compute import Compute
from headstart.strategies.box_input import steps_to_epochs
from headstart.strategies.box_pupil import BoxTask
from headstart.strategies.lesson import Lesson
from headstart.tasks.detection.recipe import BoxRecipe

__all__ = ["fitting_epochs"]

# Steps that were timed say this much too little of minutes to come.
_SLOWER = 1.15


def fitting_epochs(
    task: BoxTask,
    lesson: Callable[[], Lesson],
    recipe: BoxRecipe,
    options: dict[str, Any],
    compute: Compute,
    *,
    left: float,
    forced: bool,
) -> tuple[int, str]:
    """Returns how many epochs network and head are trained for, and a sentence where time decided.

    It is decided once, and kept with the states of the training.

    Args:
        task: What is learnt from.
        lesson: Makes what would be learnt, on a network of its own.
        recipe: How.
        options: Of the verb: what was asked for is not cut.
        compute: Where.
        left: Seconds that are left of the budget.
        forced: Whether it is trained in any case.
    """
    wanted = steps_to_epochs(options, recipe, len(task.folds.own), recipe.batch)
    if options.get("epochs", "auto") != "auto":
        return wanted, ""

    def decide() -> tuple[int, str]:
        each = _SLOWER * lesson().seconds_a_step(task.folds.own, recipe, compute)
        images = len(task.folds.own) + recipe.onward * len(task.material)
        one = each * max(1.0, images / recipe.batch)
        fitting = int(left / one) if one > 0 else wanted
        if fitting >= wanted:
            return wanted, ""
        epochs = max(fitting, int(forced))
        return epochs, (
            f"--budget left time for {epochs} of {wanted} epochs of fine-tuning, of about "
            f"{one:.0f} s each."
        )

    return task.states.checkpoints.once("epochs", decide)
