"""Whether to fine-tune, how deep and how long: decided by short trials within a budget.

Successive halving in its smallest form: candidates run for a few epochs on the training items of
the first round, the better one is run in full.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from headstart.compute import Compute, renamed
from headstart.metrics.interval import wilson
from headstart.probe.cross_validate import CrossValidated
from headstart.strategies.adapt_recipe import adapt_recipe, fewest_epochs
from headstart.strategies.finetune_round import FOLDS, TRAINING, begin, finetune
from headstart.strategies.finetune_rounds import start_of
from headstart.strategies.plan import FinetuneCandidate, FinetunePlan, keep_probe, probe_candidate
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
# Weights that are judged on the held-out items after the last epoch.
_JUDGED = 10
# Share of the budget that trials may take.
_TRIALS = 0.25


@dataclass(frozen=True)
class Budget:
    """What a plan may cost.

    Attributes:
        seconds: For everything.
        epochs: At most so many; None for as many as fit.
    """

    seconds: float
    epochs: int | None = None


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
    planner = _Planner(problem, network, probed, base, compute, budget, started)
    return planner.plan()


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

    def left(self) -> float:
        """Returns the seconds that are left."""
        return self.budget.seconds - (time.perf_counter() - self.started)

    def adapted(self, most: int) -> tuple[Recipe, tuple[str, ...]]:
        """Returns the recipe for so many epochs at most, and why it is not the one given."""
        recipe, network = replace(self.base, epochs=most), self.network.backbone.network
        return adapt_recipe(recipe, self.fold.probe, network, items=self.n)

    def longest(self, seconds: float, each: float, *, refit: bool) -> int:
        """Returns how many epochs fit into some seconds."""
        return _longest(self.wanted, seconds, self.jobs, each, refit=refit)

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
        short = 0
        if self.base.freeze == "none" and not because:  # else the depth is known
            trials = _TRIALS * self.left() / 2
            short = _longest(_MOST_EPOCHS, trials, [(self.n, 0)], each, refit=False)
        short = short if short >= _SHORTEST else 0
        share, refit = 1 - _TRIALS if short else 1.0, True
        seconds = share * self.left()
        possible = self.longest(seconds, each, refit=True)
        if possible < least:
            refit = False
            possible = self.longest(seconds, each, refit=False)
        cost = f"an epoch on {self.n:,} images takes about {each * self.n:.0f} s here"
        if possible < least:
            needed = _cost(least, self.jobs, each, refit=False) / share / 60
            few = (
                f"The budget is too small for fine-tuning: {cost}; a --budget of {needed:.1f} "
                f"minutes would do. The frozen probe is kept.",
            )
            return FinetunePlan(None, False, few, tuple(self.candidates), 0.0)
        chosen = replace(recipe, epochs=possible)
        takes = _cost(possible, self.jobs, each, refit=refit)
        summary = list(because)
        short = min(short, max(_SHORTEST, possible // 3)) if short else 0
        if short:
            chosen, factor = self.try_depths(chosen, short)
            takes *= factor
            stages = self.base.stages
            depth = "all layers" if chosen.freeze == "none" else f"the last {stages} stages"
            summary.append(f"In {short} epochs, training {depth} did best on held-out images.")
        minutes = f"{possible} epochs will take about {takes / 60:.1f} minutes."
        summary.insert(len(because), f"{cost[0].upper()}{cost[1:]}: {minutes}")
        spent = time.perf_counter() - self.started
        return FinetunePlan(chosen, refit, tuple(summary), tuple(self.candidates), spent + takes)

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
        # The median: a step that waited for the loader's start says nothing about the others.
        steps = np.diff(marks)[_WARM_STEPS - 1 :]
        return float(np.median(steps)) / min(recipe.batch, len(few))


def _cost(epochs: int, jobs: list[tuple[int, int]], each: float, *, refit: bool) -> float:
    """Returns the seconds that fine-tunings take.

    Args:
        epochs: Of each.
        jobs: (training items, test items) of each.
        each: Seconds to train on one image.
        refit: Whether each is done again on all of its training items.
    """
    predict = each / _PREDICTING
    seconds = 0.0
    for train, test in jobs:
        validation = train / FOLDS
        seconds += epochs * ((train - validation) * each + validation * predict)
        seconds += _JUDGED * validation * predict + test * predict + refit * epochs * train * each
    return seconds


def _longest(
    most: int, seconds: float, jobs: list[tuple[int, int]], each: float, *, refit: bool
) -> int:
    """Returns how many epochs fit into some seconds, at most `most`."""
    fitting = (e for e in range(most, 0, -1) if _cost(e, jobs, each, refit=refit) <= seconds)
    return next(fitting, 0)


def _named(compute: Compute, candidate: str) -> Compute:
    """Names the training by the candidate that is tried."""

    def name(phase: str) -> str:
        return f"trying {candidate}" if phase.startswith(TRAINING) else phase

    return compute.with_progress(renamed(compute.progress, name))
