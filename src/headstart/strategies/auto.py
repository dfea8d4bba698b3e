"""Whether to fine-tune, how deep and how long: decided by short trials within a budget.

Successive halving in its smallest form: candidates run for a few epochs on the training items of
the first round, the better one is run in full.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.images.pixels import Progress, silent
from headstart.images.preprocess import Preprocess
from headstart.metrics.interval import wilson
from headstart.nets.backbone import Backbone
from headstart.probe.cross_validate import CrossValidated
from headstart.strategies.adapt_recipe import adapt_recipe, fewest_epochs
from headstart.strategies.finetune_round import FOLDS, begin, finetune
from headstart.strategies.finetune_rounds import start_of
from headstart.strategies.plan import FinetuneCandidate, Plan, keep_probe, probe_candidate
from headstart.training.schedule import Recipe
from headstart.training.start import linear_start

__all__ = ["make_plan"]

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


def make_plan(
    dataset: Dataset,
    vectors: np.ndarray,
    sets: dict[str, np.ndarray],
    clusters: np.ndarray,
    probed: CrossValidated,
    backbone: Backbone,
    base: Recipe,
    *,
    preprocess: Preprocess,
    budget: float,
    epochs: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    workers: int | None = None,
    progress: Progress = silent,
) -> Plan:
    """Measures what an epoch costs, tries two depths, and plans the rest of the budget.

    Args:
        dataset: N readable, labelled items.
        vectors: (N, D) float32 frozen features.
        sets: Feature sets.
        clusters: (N,) int.
        probed: What `cross_validate` gave.
        backbone: Copied, not changed.
        base: What the candidates share.
        preprocess: Of the network.
        budget: Seconds for everything.
        epochs: At most so many.
        seed: Of everything drawn.
        device: Where it runs.
        workers: Processes that decode and augment.
        progress: Called as steps are done.
    """
    started = time.perf_counter()
    if (nothing := keep_probe(probed, dataset.targets, backbone)) is not None:
        return nothing
    part = probed.parts[0]
    candidates = [probe_candidate(part, dataset.targets)]
    jobs = [(len(one.train), len(one.test)) for one in probed.parts]
    if len(jobs) > 1:
        jobs.append((len(dataset), 0))
    wanted, n = epochs or _MOST_EPOCHS, len(part.train)

    def left() -> float:
        return budget - (time.perf_counter() - started)

    def timed(recipe: Recipe) -> float:
        return _seconds_per_image(
            dataset, vectors, sets, probed, backbone, recipe, preprocess, seed, device, workers
        )

    def adapted(most: int) -> tuple[Recipe, tuple[str, ...]]:
        return adapt_recipe(replace(base, epochs=most), part.probe, backbone.network, items=n)

    recipe, because = adapted(wanted)
    each, least = timed(recipe), _LEAST_EPOCHS
    if because:
        # Where time is too short for going far, the gentle way is the better one.
        least = max(least, fewest_epochs(base, items=n))
        recipe, because = adapted(max(1, _longest(wanted, left(), jobs, each, refit=False)))
        if not because:
            each, least = timed(base), _LEAST_EPOCHS
    least = min(least, wanted)
    short = 0
    if base.freeze == "none" and not because:  # else the depth is known
        short = _longest(_MOST_EPOCHS, _TRIALS * left() / 2, [(n, 0)], each, refit=False)
    short = short if short >= _SHORTEST else 0
    share, refit = 1 - _TRIALS if short else 1.0, True
    seconds = share * left()
    possible = _longest(wanted, seconds, jobs, each, refit=True)
    if possible < least:
        refit = False
        possible = _longest(wanted, seconds, jobs, each, refit=False)
    cost = f"an epoch on {n:,} images takes about {each * n:.0f} s here"
    if possible < least:
        needed = _cost(least, jobs, each, refit=False) / share / 60
        few = (
            f"The budget is too small for fine-tuning: {cost}; a --budget of {needed:.1f} minutes "
            f"would do. The frozen probe is kept.",
        )
        return Plan(None, False, few, tuple(candidates), 0.0)
    full = replace(recipe, epochs=possible)
    takes = _cost(possible, jobs, each, refit=refit)
    chosen = full
    summary = list(because)
    short = min(short, max(_SHORTEST, possible // 3)) if short else 0
    if short:
        tried = {
            "all layers": replace(full, epochs=short),
            f"last {base.stages} stages": replace(full, epochs=short, freeze="last"),
        }
        best = -1.0
        for name, recipe in tried.items():
            begun = time.perf_counter()
            result = finetune(
                dataset, vectors, clusters, backbone, recipe, start_of(part.probe, sets),
                items=part.train, test=part.train[:0], preprocess=preprocess, refit=False,
                compute=Compute(device, workers, seed, _named(progress, name)),
            )  # fmt: skip
            hits = result.val_scores.argmax(axis=1) == dataset.targets[result.validation]
            candidate = FinetuneCandidate(
                f"{name}, {short} epochs", recipe, wilson(float(hits.sum()), len(hits)),
                time.perf_counter() - begun,
            )  # fmt: skip
            candidates.append(candidate)
            if result.kept.measure > best:
                takes *= min(1.0, candidate.seconds / max(candidates[1].seconds, 1e-9))
                best, chosen = result.kept.measure, replace(recipe, epochs=full.epochs)
        depth = "all layers" if chosen.freeze == "none" else f"the last {base.stages} stages"
        summary.append(f"In {short} epochs, training {depth} did best on held-out images.")
    summary.insert(
        len(because),
        f"{cost[0].upper()}{cost[1:]}: {possible} epochs will take about {takes / 60:.1f} minutes.",
    )
    spent = time.perf_counter() - started
    return Plan(chosen, refit, tuple(summary), tuple(candidates), spent + takes)


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


def _named(progress: Progress, candidate: str) -> Progress:
    """Names a phase by the candidate that is tried."""
    return lambda phase, done, total: progress(f"trying {candidate}", done, total)


def _seconds_per_image(
    dataset: Dataset,
    vectors: np.ndarray,
    sets: dict[str, np.ndarray],
    probed: CrossValidated,
    backbone: Backbone,
    base: Recipe,
    preprocess: Preprocess,
    seed: int,
    device: str,
    workers: int | None,
) -> float:
    """Times a few steps of training all layers."""
    part = probed.parts[0]
    rng = np.random.default_rng(seed)
    few = rng.permutation(part.train)[: base.batch * (_WARM_STEPS + _TIMED_STEPS)]
    head = linear_start(
        vectors, dataset.targets, few, start_of(part.probe, sets), n_classes=len(dataset.classes)
    )
    marks: list[float] = []
    training = begin(
        dataset.take(few), backbone, replace(base, epochs=100, freeze="none"), head,
        preprocess=preprocess,
        compute=Compute(device, workers, seed, lambda *told: marks.append(time.perf_counter())),
    )  # fmt: skip
    marks.clear()
    training.run(until=_WARM_STEPS + _TIMED_STEPS)
    # The median: a step that waited for the loader's start says nothing about the others.
    steps = np.diff(marks)[_WARM_STEPS - 1 :]
    return float(np.median(steps)) / min(base.batch, len(few))
