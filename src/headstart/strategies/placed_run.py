"""What ways of training have in common that answer with a place: kept states, floors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headstart.predictions import Predictions
from headstart.resume import Unfinished
from headstart.stacking import concatenate
from headstart.strategies.placed_problem import PlacedProblem
from headstart.strategies.train_classes import Ask
from headstart.tasks import task_of
from headstart.training.record import OnEpoch
from headstart.training.track import open_trackers

__all__ = ["floors_of", "states_of"]


def states_of(ask: Ask) -> tuple[Path | None, OnEpoch | None]:
    """Returns where states of trainings are kept, and who hears of epochs; None without any.

    Args:
        ask: What is wanted; what is opened stays so until the run is written.
    """
    if ask.strategy == "probe":
        return None, None
    stack = ask.until_written
    place = stack.enter_context(
        Unfinished(ask.run).held(ask.options, resuming=ask.resuming, overwrite=ask.overwrite)
    )
    on_epoch, close = open_trackers(
        ask.log, run=ask.run.name, options=ask.options, folder=ask.run.absolute().parent
    )
    stack.callback(close)
    return place, on_epoch


def floors_of(problem: PlacedProblem) -> dict[str, Predictions]:
    """Returns what somebody would answer who never looks at an image, in order of item."""
    dataset = problem.prepared.dataset
    task = task_of(dataset.task)
    items = np.concatenate([test for _, test in problem.rounds])
    order = np.argsort(items, kind="stable")
    found = [
        task.baselines(dataset.labels, dataset.names, train, test) for train, test in problem.rounds
    ]
    return {name: concatenate([each[name] for each in found]).take(order) for name in found[0]}
