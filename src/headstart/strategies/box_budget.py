"""How many epochs of fine-tuning a budget allows, by the time that a step takes here."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.compute import Compute
from headstart.errors import ModelError
from headstart.strategies.box_arms import BoxTask, lesson_of
from headstart.strategies.box_choice import BoxArm
from headstart.strategies.box_input import steps_to_epochs
from headstart.tasks.detection.recipe import BoxRecipe

__all__ = ["fitting_epochs"]

# Steps that were timed say this much too little of minutes to come.
_SLOWER = 1.15


def fitting_epochs(
    task: BoxTask,
    start: BoxArm,
    recipe: BoxRecipe,
    options: dict[str, Any],
    compute: Compute,
    *,
    left: float,
    forced: bool,
) -> tuple[int, str]:
    """Returns how many epochs network and head are trained for, and a sentence where time decided.

    What was decided is kept with the states of the training: one that goes on must not measure
    again, or it would not be the same.

    Args:
        task: What is learnt from.
        start: Whose head it begins with.
        recipe: How.
        options: Of the verb: what was asked for is not cut.
        compute: Where.
        left: Seconds that are left of the budget.
        forced: Whether it is trained in any case.
    """
    file = None
    if task.states.checkpoints.folder is not None:
        name = f"{task.states.checkpoints.prefix}epochs.safetensors"
        file = task.states.checkpoints.folder / name
        if file.is_file():
            return _read(file)
    wanted = steps_to_epochs(options, recipe, len(task.folds.own), recipe.batch)
    epochs, why = wanted, ""
    if options.get("epochs", "auto") == "auto":
        lesson = lesson_of(task, start, compute)
        each = _SLOWER * lesson.seconds_a_step(task.folds.own, recipe, compute)
        images = len(task.folds.own) + recipe.onward * len(task.material)
        one = each * max(1.0, images / recipe.batch)
        fitting = int(left / one) if one > 0 else wanted
        if fitting < wanted:
            epochs = max(fitting, int(forced))
            why = (
                f"--budget left time for {epochs} of {wanted} epochs of fine-tuning, of about "
                f"{one:.0f} s each."
            )
    if file is not None:
        _write(file, epochs, why)
    return epochs, why


def _write(file: Any, epochs: int, why: str) -> None:
    from safetensors.numpy import save

    from headstart.output import write_atomic

    write_atomic(file, save({"epochs": np.array([epochs])}, metadata={"why": why}))


def _read(file: Any) -> tuple[int, str]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as stream:
            return int(stream.get_tensor("epochs")[0]), stream.metadata()["why"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{file} is damaged ({error}): delete {file.parent} to begin anew"
        ) from None
