"""`Session`: what ways of training have in common whose answers have a place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from headstart.compute import Compute
from headstart.errors import OptionError
from headstart.features.extract_maps import Maps
from headstart.nets.model import Model
from headstart.predictions import Predictions
from headstart.records import OutputSpec
from headstart.resume import Unfinished
from headstart.stacking import concatenate
from headstart.strategies.ask import Ask
from headstart.strategies.clock import Clock
from headstart.strategies.placed.lesson import States
from headstart.strategies.placed.problem import PlacedProblem, make_placed_problem
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.strategies.trained import Answered, Histories, Trained
from headstart.tasks import decode_parts, task_of
from headstart.training.checkpoint import Checkpoints
from headstart.training.record import Epoch
from headstart.training.schedule import Recipe
from headstart.training.track import open_trackers

__all__ = ["Session", "floors_of", "learn_rounds", "begin_session", "states_of", "trained_in"]

_FROZEN = ("linear", "probe", "head")  # arms that leave the network as it is

T = TypeVar("T")
# Of a budget: what passes before the clock runs, and what comes after all arms (answers for the
# test, measures, report), in shares of what came before the long ones.
_STARTING, _AFTER = 1.5, 0.4


@dataclass(frozen=True)
class Session:
    """What the arms of a training share.

    Attributes:
        prepared: The usable items.
        network: With the maps of their images.
        maps: Those.
        ask: What is wanted.
        compute: Where, and from which seed.
        clock: Notes how long each phase takes.
        spec: What the classes are; each arm adds how its outputs are decoded.
        problem: Who trains and who tests.
        states: Where states are kept, without a prefix, and who hears of epochs.
        history: Name of a training -> its epochs; filled as they end.
        notes: What is to be said of how it went; likewise.
    """

    prepared: Prepared
    network: FrozenNetwork
    maps: Maps
    ask: Ask
    compute: Compute
    clock: Clock
    spec: OutputSpec
    problem: PlacedProblem
    states: States
    history: dict[str, tuple[Epoch, ...]] = field(default_factory=dict, kw_only=True)
    notes: list[str] = field(default_factory=list, kw_only=True)

    def left(self, arm: str, *others: str) -> float:
        """Returns the seconds that an arm may take in one round, so that all keeps to the budget.

        Args:
            arm: The one that the budget cuts; what it took in earlier rounds is its own share.
            others: That trained before it: they tell nothing of how long the end takes.
        """
        took = self.clock.seconds
        own, more = took.get(f"{arm} arm", 0.0), (took.get(f"{name} arm", 0.0) for name in others)
        passed = self.clock.total - own
        end = _AFTER * (passed - sum(more))
        return (60 * self.ask.budget - _STARTING - passed - end) / self.problem.learnings

    def overrun(self) -> list[str]:
        """Says that what was trained took longer than the budget, where it did."""
        return self.ask.overrun(self.clock.total) if self.history else []

    def states_as(self, mark: str, seconds: float | None = None) -> States:
        """Returns where one round keeps its states, told by a mark in every name.

        Args:
            mark: Of the round.
            seconds: That may be spent.
        """
        kept = Checkpoints(self.states.checkpoints.folder, prefix=mark)
        return replace(self.states, checkpoints=kept, seconds=seconds)


S = TypeVar("S", bound=Session)


def begin_session(
    what: str,
    prepared: Prepared,
    network: FrozenNetwork,
    ask: Ask,
    compute: Compute,
    clock: Clock,
    *,
    kind: type[S],
) -> S:
    """Decides who trains and tests, and opens what is kept until the run is written.

    Args:
        what: What is learnt, for people.
        prepared: The usable items.
        network: With the maps of their images.
        ask: What is wanted.
        compute: Where, and from which seed.
        clock: Notes how long each phase takes.
        kind: Of session: one with what only some arms share, or `Session`.

    Raises:
        DataError: If nothing is left to learn from or to test on.
        OptionError: If it is to be learnt from scratch.
    """
    if ask.strategy == "scratch":
        raise OptionError(f"{what} have no training from scratch: leave --strategy scratch out")
    maps, dataset = network.maps, prepared.dataset
    assert isinstance(maps, Maps), f"{what} are learnt from maps"
    problem = make_placed_problem(prepared, ask.evaluation, folds=ask.folds, seed=compute.seed)
    spec = task_of(dataset.task).encode(dataset.labels, problem.final).spec
    return kind(prepared, network, maps, ask, compute, clock, spec, problem, states_of(ask))


def learn_rounds(
    problem: PlacedProblem, learn: Callable[[np.ndarray, str], T]
) -> tuple[list[T], T]:
    """Learns in every round, and what is kept: that of the only round, or one from all items.

    Args:
        problem: Who trains and who tests.
        learn: Items, and a mark in the names of states, to what was learnt from them.
    """
    rounds = [
        learn(train, f"round{number}-" if len(problem.rounds) > 1 else "")
        for number, (train, _) in enumerate(problem.rounds, 1)
    ]
    return rounds, rounds[0] if problem.kind == "holdout" else learn(problem.final, "")


def trained_in(
    session: Session,
    model: Model,
    summary: str,
    answered: tuple[Answered, ...],
    *,
    trials: tuple[dict[str, Any], ...],
    recipe: Recipe,
    sections: dict[str, Any],
) -> Trained:
    """Puts together what was learnt, measured and tried.

    Args:
        session: With the histories of its trainings.
        model: What is kept.
        summary: One sentence about it.
        answered: Items, outputs and what decodes them, of every round.
        trials: Rows of `trials.csv`, the chosen one first.
        recipe: How it was trained.
        sections: Further parts of `metrics.json`.
    """
    prepared, problem = session.prepared, session.problem
    session.compute.begin("measuring baselines")
    epochs = session.history
    return Trained(
        prepared=prepared,
        model=model,
        summary=summary,
        evaluation=(problem.kind, problem.summary),
        answered=answered,
        predictions=decode_parts(answered, prepared.dataset.names)[1],
        uncalibrated=None,
        clusters=prepared.clusters,
        dropped=prepared.dropped,
        baselines=floors_of(problem) if session.ask.baselines != "none" else {},
        trials=trials,
        histories=Histories(epochs, problem.final, recipe) if epochs else None,
        sections={
            "learning_curve": {"points": [], "forecast": None},
            "end_to_end": any(row.get("arm") not in _FROZEN for row in trials),
        }
        | sections,
    )


def states_of(ask: Ask) -> States:
    """Returns where states of trainings are kept, and who hears of epochs; neither without any.

    Args:
        ask: What is wanted; what is opened stays so until the run is written.
    """
    if ask.strategy == "probe":
        return States()
    stack = ask.until_written
    place = stack.enter_context(
        Unfinished(ask.run).held(ask.options, resuming=ask.resuming, overwrite=ask.overwrite)
    )
    on_epoch, close = open_trackers(
        ask.log, run=ask.run.name, options=ask.options, folder=ask.run.absolute().parent
    )
    stack.callback(close)
    return States(Checkpoints(place), on_epoch)


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
