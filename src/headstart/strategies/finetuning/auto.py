"""Whether to fine-tune, how deep and how long: decided by short trials within a budget.

Successive halving in its smallest form: candidates run for a few epochs on the training items of
the first round, the better one is run in full.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from headstart.compute import Compute, renamed
from headstart.metrics.interval import wilson
from headstart.probe.cross_validate import CrossValidated
from headstart.strategies.finetuning.adapt_recipe import adapt_recipe, fewest_epochs
from headstart.strategies.finetuning.plan import (
    FinetuneCandidate,
    FinetunePlan,
    keep_probe,
    probe_candidate,
)
from headstart.strategies.finetuning.round import FOLDS, TRAINING, begin, finetune
from headstart.strategies.finetuning.rounds import start_of
from headstart.strategies.problem import FrozenNetwork, Problem
from headstart.training.schedule import Recipe
from headstart.training.start import linear_start

__all__ = ["Budget", "make_plan"]

_LEAST_EPOCHS = 4
_MOST_EPOCHS = 30
_WARM_STEPS, _TIMED_STEPS = 2, 5
# Epochs of a trial, at least.
_SHORTEST = 2
# Forward alone takes this part of forward, backward and the step.
_PREDICTING = 3.0
# Weights that are judged on the held-out items beside those of each epoch: the start, mirror
# images, averages and ways back.
_JUDGED = 13
# Steps that were timed say this much too little of hours to come on a machine that does other work:
# of what is planned, and of a budget that is named.
_SLOWER, _NAMED = 1.1, 1.3
# Share of the budget that trials may take.
_TRIALS = 0.25


@dataclass(frozen=True)
class Budget:
    """What a plan may cost.

    Attributes:
        seconds: For everything: imports, timing of steps, trials, training and prediction.
        epochs: At most so many; None for as many as fit.
        begun: `time.perf_counter` when it began to be spent; None for when the plan is made.
    """

    seconds: float
    epochs: int | None = None
    begun: float | None = None

    @property
    def ends(self) -> float | None:
        """`time.perf_counter` when it is spent; None where nobody said when it began."""
        return None if self.begun is None else self.begun + self.seconds


def make_plan(
    problem: Problem,
    network: FrozenNetwork,
    probed: CrossValidated,
    base: Recipe,
    compute: Compute,
    *,
    budget: Budget,
) -> FinetunePlan:
    """Measures what an epoch costs, tries two depths, and plans the rest of the budget.

    Args:
        problem: N readable, labelled items.
        network: Copied, not changed.
        probed: What `cross_validate` gave.
        base: What the candidates share.
        compute: Where, and from which seed.
        budget: Of time.
    """
    started = time.perf_counter()
    if (nothing := keep_probe(probed, network.backbone)) is not None:
        return nothing
    began = started if budget.begun is None else budget.begun
    return _Planner(problem, network, probed, base, compute, budget, began).plan()


class _Planner:
    """What the steps of a plan share: who trains, what an epoch costs, what is left."""

    def __init__(
        self,
        problem: Problem,
        network: FrozenNetwork,
        probed: CrossValidated,
        base: Recipe,
        compute: Compute,
        budget: Budget,
        started: float,
    ) -> None:
        self.problem, self.network, self.base, self.compute = problem, network, base, compute
        self.budget, self.started, self.fold = budget, started, probed.folds[0]
        self.candidates = [probe_candidate(self.fold)]
        self.jobs = [(len(one.train), len(one.test)) for one in probed.folds]
        if len(self.jobs) > 1:
            self.jobs.append((len(problem.dataset), 0))
        self.wanted, self.n = budget.epochs or _MOST_EPOCHS, len(self.fold.train)
        self.setup = 0.0  # seconds until a training takes its first step

    def left(self) -> float:
        """Returns the seconds that are left."""
        return self.budget.seconds - (time.perf_counter() - self.started)

    def adapted(self, most: int) -> tuple[Recipe, tuple[str, ...]]:
        """Returns the recipe for so many epochs at most, and why it is not the one given."""
        recipe, network = replace(self.base, epochs=most), self.network.backbone.network
        return adapt_recipe(recipe, self.fold.probe, network, items=self.n)

    def cost(self, epochs: int, each: float, *, refit: bool) -> float:
        """Returns the seconds that all fine-tunings are expected to take."""
        return _cost(epochs, self.jobs, each, refit=refit, setup=self.setup)

    def longest(self, seconds: float, each: float, *, refit: bool) -> int:
        """Returns how many epochs fit into some seconds, at most those that are wanted."""
        fitting = (
            epochs
            for epochs in range(self.wanted, 0, -1)
            if _SLOWER * self.cost(epochs, each, refit=refit) <= seconds
        )
        return next(fitting, 0)

    def epochs(self, seconds: float, each: float, least: int) -> tuple[int, bool]:
        """Returns how many epochs fit, and whether once more on all items; 0 for too few."""
        for refit in (True, False):
            if (possible := self.longest(seconds, each, refit=refit)) >= least:
                return possible, refit
        return 0, False

    def trial_epochs(self, each: float) -> int:
        """Returns how long each depth can be tried, 0 for not at all."""
        if self.base.freeze != "none":
            return 0
        part, trial = _TRIALS * self.left() / 2, [(self.n, 0)]
        costs = (
            (epochs, _cost(epochs, trial, each, refit=False, setup=self.setup))
            for epochs in range(_MOST_EPOCHS, _SHORTEST - 1, -1)
        )
        return next((epochs for epochs, seconds in costs if seconds <= part), 0)

    def first_look(self) -> tuple[Recipe, tuple[str, ...], float, int]:
        """Returns the recipe, why it is not the base, seconds an image, and the fewest epochs."""
        recipe, because = self.adapted(self.wanted)
        each, least = self.seconds_per_image(recipe), _LEAST_EPOCHS
        if because:
            # Where time is too short for going far, the gentle way is the better one.
            least = max(least, fewest_epochs(self.base, items=self.n))
            most = self.longest(self.left(), each, refit=False)
            recipe, because = self.adapted(max(1, most))
            if not because:
                each, least = self.seconds_per_image(self.base), _LEAST_EPOCHS
        return recipe, because, each, min(least, self.wanted)

    def plan(self) -> FinetunePlan:
        """Makes the plan."""
        recipe, because, each, least = self.first_look()
        short = 0 if because else self.trial_epochs(each)  # far away the depth is known
        rest = (1 - _TRIALS) * self.left() if short else self.left()
        possible, refit = self.epochs(rest, each, least)
        if short and not possible:  # trials would leave too little
            short, rest = 0, self.left()
            possible, refit = self.epochs(rest, each, least)
        cost = f"an epoch on {self.n:,} images takes about {each * self.n:.0f} s here"
        if not possible:
            return self.too_small(cost, each, least)
        chosen, summary = replace(recipe, epochs=possible), list(because)
        if short:
            short = min(short, max(_SHORTEST, possible // 3))
            chosen, factor = self.try_depths(chosen, short)
            each *= factor
            # What trials left over is time for longer training.
            possible, refit = self.epochs(min(rest, self.left()), each, least)
            if not possible:
                return self.too_small(cost, each, least)
            chosen = replace(chosen, epochs=possible)
            stages = self.base.stages
            depth = "all layers" if chosen.freeze == "none" else f"the last {stages} stages"
            summary.append(f"In {short} epochs, training {depth} did best on held-out images.")
        takes = self.cost(possible, each, refit=refit)
        minutes = f"{possible} epochs will take about {takes / 60:.1f} minutes."
        summary.insert(len(because), f"{cost[0].upper()}{cost[1:]}: {minutes}")
        spent = self.budget.seconds - self.left()
        return FinetunePlan(chosen, refit, tuple(summary), tuple(self.candidates), spent + takes)

    def too_small(self, cost: str, each: float, least: int) -> FinetunePlan:
        """Keeps the probe, and names the budget of a full training, and of the shortest."""
        spent = self.budget.seconds - self.left()
        usual = max(least, min(self.base.epochs, self.wanted))
        full = self.cost(usual, each, refit=True) / (1 - _TRIALS)
        full, short = (
            math.ceil(_NAMED * (spent + seconds) / 6) / 10
            for seconds in (full, self.cost(least, each, refit=False))
        )
        few = (
            f"The budget is too small for fine-tuning: {cost}; a --budget of {full:.1f} "
            f"minutes would do ({short:.1f} for {least} epochs, which is short). The frozen probe "
            f"is kept.",
        )
        return FinetunePlan(None, False, few, tuple(self.candidates), 0.0)

    def try_depths(self, full: Recipe, short: int) -> tuple[Recipe, float]:
        """Trains all layers and the last stages for a few epochs each.

        Returns:
            The recipe of the better, and its time as a share of that of all layers.
        """
        tried = {
            "all layers": replace(full, epochs=short),
            f"last {self.base.stages} stages": replace(full, epochs=short, freeze="last"),
        }
        best, chosen, factor, whole = -1.0, full, 1.0, 0.0
        learnt = replace(self.fold.round, test=self.fold.test[:0])
        for name, recipe in tried.items():
            begun = time.perf_counter()
            start = start_of(self.fold.probe, self.network.features.sets)
            result = finetune(
                self.problem.prepared, learnt, self.network, recipe, start,
                _named(self.compute, name), refit=False,
            )  # fmt: skip
            hits = result.val_scores.argmax(axis=1) == learnt.targets[result.validation]
            seconds = time.perf_counter() - begun
            self.candidates.append(
                FinetuneCandidate(
                    f"{name}, {short} epochs", recipe, wilson(float(hits.sum()), len(hits)), seconds
                )
            )
            whole = whole or seconds
            if result.kept.measure > best:
                factor *= min(1.0, seconds / max(whole, 1e-9))
                best, chosen = result.kept.measure, replace(recipe, epochs=full.epochs)
        return chosen, factor

    def seconds_per_image(self, recipe: Recipe) -> float:
        """Times a few steps of training all layers."""
        learnt, network = self.fold.round, self.network
        rng = np.random.default_rng(self.compute.seed)
        few = rng.permutation(learnt.train)[: recipe.batch * (_WARM_STEPS + _TIMED_STEPS)]
        start = start_of(self.fold.probe, network.features.sets)
        head = linear_start(
            network.features.vectors, learnt.targets, few, start, n_classes=learnt.n_classes
        )
        marks: list[float] = []
        self.compute.begin("timing a few steps of fine-tuning")
        begun = time.perf_counter()

        def heard(_: str, done: int, __: int) -> None:
            if done:
                marks.append(time.perf_counter())

        training = begin(
            self.problem.prepared, replace(learnt, train=few), network,
            replace(recipe, epochs=100, freeze="none"), head,
            self.compute.with_progress(heard),
        )  # fmt: skip
        marks.clear()
        training.run(until=_WARM_STEPS + _TIMED_STEPS)
        self.setup = max(0.0, marks[0] - begun)
        # The median: a step that waited for the loader's start says nothing about the others.
        steps = np.diff(marks)[_WARM_STEPS - 1 :]
        return float(np.median(steps)) / min(recipe.batch, len(few))


def _cost(
    epochs: int, jobs: list[tuple[int, int]], each: float, *, refit: bool, setup: float = 0.0
) -> float:
    """Returns the seconds that fine-tunings take.

    Args:
        epochs: Of each.
        jobs: (training items, test items) of each.
        each: Seconds to train on one image.
        refit: Whether each is done again on all of its training items.
        setup: Seconds until a training takes its first step.
    """
    predict = each / _PREDICTING
    seconds = 0.0
    for train, test in jobs:
        validation = train / FOLDS
        seconds += epochs * ((train - validation) * each + validation * predict)
        seconds += _JUDGED * validation * predict + test * predict + refit * epochs * train * each
        seconds += (1 + refit) * setup
    return seconds


def _named(compute: Compute, candidate: str) -> Compute:
    """Names the training by the candidate that is tried."""

    def name(phase: str) -> str:
        return f"trying {candidate}" if phase.startswith(TRAINING) else phase

    return compute.with_progress(renamed(compute.progress, name))
