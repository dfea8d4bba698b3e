"""The probe: which classifier on which frozen features, chosen by cross-validation.

Everything tried is kept as a `Trial` with its interval. Folds keep clusters (groups and
duplicates) together, so a familiar face or a copied file cannot help.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np

from headstart.compute import Compute, Progress
from headstart.data.splits.split import folds as make_folds
from headstart.images.pixels import cpu_count
from headstart.metrics.calibration import fit_temperature
from headstart.metrics.interval import wilson
from headstart.nets.heads.head import Head
from headstart.probe.classifiers import (
    Config,
    Space,
    fit_head,
    make_space,
    one_blas_thread,
)
from headstart.probe.ensemble import Average, Copies, Member, average_with_copies, merged
from headstart.probe.frozen import Frozen, tells_places
from headstart.probe.trials import (
    Best,
    Grid,
    Ground,
    Trial,
    Tried,
    attempt,
    drawn_by_class,
    hit_rates,
    judged_by,
)

__all__ = ["Labelled", "Probe", "probe"]

# Choosing on more items than this costs minutes and changes no choice.
_CHOOSE_ON = 10_000


@dataclass(frozen=True)
class Probe:
    """The winner and how it won.

    Attributes:
        head: Fitted on all items.
        temperature: Divides its scores; fitted on held-out scores.
        config: The winner.
        trials: Everything tried, best first.
        held_out: (N, C) float32 scores of the items while they were held out (of the items
            the choice was made on).
        chosen_on: (n,) int which items those are.
        criterion: ``"accuracy"``, or ``"balanced accuracy"`` where classes differ much in size;
            ``"log-loss"`` of an average.
        members: Of an average; none of one classifier.
        copies: What mirrored copies brought to an average; None where they were not tried.
    """

    head: Head
    temperature: float
    config: Config
    trials: tuple[Trial, ...]
    held_out: np.ndarray
    chosen_on: np.ndarray
    criterion: str
    members: tuple[Member, ...] = ()
    copies: Copies | None = None

    def parts(self) -> list[tuple[Config, np.ndarray, float]]:
        """Returns the classifiers whose scores are added: which, of what columns, times what."""
        if self.members:
            return [(each.config, each.columns, each.factor) for each in self.members]
        return [(self.config, self.head.columns, 1.0)]


@dataclass(frozen=True)
class Labelled:
    """What a probe learns from.

    Attributes:
        targets: (N,) int, 0 to C - 1.
        clusters: (N,) int; items of one cluster are never on both sides of a fold.
        n_classes: C.
        items: (M,) int rows to learn from, by default all; no other is looked at, and there is
            no copy of them but for the 10,000 that the choice is made on.
    """

    targets: np.ndarray
    clusters: np.ndarray
    n_classes: int
    items: np.ndarray | None = None


def probe(
    frozen: Frozen,
    labelled: Labelled,
    compute: Compute | None = None,
    *,
    grid: Grid | None = None,
    folds: int = 5,
) -> Probe:
    """Tries the grid by grouped, stratified cross-validation and fits the winner on all of it.

    Args:
        frozen: Features of N items, and the sets of them that are tried.
        labelled: What to learn.
        compute: Its seed is that of folds and subsampling.
        grid: What is tried.
        folds: Folds of the cross-validation.

    Returns:
        A `Probe`.
    """
    grid = grid or Grid()
    compute = compute or Compute()
    vectors = frozen.vectors
    targets, clusters, n_classes = labelled.targets, labelled.clusters, labelled.n_classes
    items = np.arange(len(targets)) if labelled.items is None else labelled.items
    seed, progress = compute.seed, compute.progress
    chosen_on = items[drawn_by_class(targets[items], _CHOOSE_ON, seed=seed)]
    y, groups = targets[chosen_on], clusters[chosen_on]
    x = vectors if len(chosen_on) == len(vectors) else vectors[chosen_on]
    folds = max(2, min(folds, len(np.unique(groups))))
    # With few images one draw of folds is luck, so several are averaged.
    repeats = int(np.clip(600 // max(len(y), 1), 1, 5))
    draws = np.stack([make_folds(y, groups, k=folds, seed=seed + i) for i in range(repeats)])
    counts = np.bincount(y, minlength=n_classes)
    criterion, uneven = judged_by(counts)

    ground = Ground(y, draws, counts, n_classes, uneven, criterion)
    results = _attempts(x, frozen, grid, ground, progress)
    trials = [trial for result in results for trial in result.trials]
    # One problem on many items is the one place where threads inside a product pay.
    threads = nullcontext if len(items) > _CHOOSE_ON else one_blas_thread

    def fit(config: Config, space: Space) -> Head:
        return fit_head(config, space, vectors, targets, n_classes=n_classes, items=items)

    chosen = None
    if grid.looks:
        linear = [result.linear for result in results if result.linear is not None]
        chosen = average_with_copies(linear, y, most=grid.looks)
        with threads():
            head = merged([fit(each.config, each.space) for each in chosen.candidates],
                          chosen.members)  # fmt: skip
        config, scores, criterion = chosen.config, chosen.held_out, "log-loss"
        trials.append(_trial_of(chosen, ground))
    else:
        best = max((each.best for each in results), key=_rank)
        with threads():
            head = fit(best.config, best.space)
        config, scores = best.config, best.scores
    trials = [replace(trial, chosen=trial.config == config) for trial in trials]
    return Probe(
        head=head,
        temperature=fit_temperature(scores, y),
        config=config,
        trials=tuple(sorted(trials, key=lambda trial: (not trial.chosen, -trial.accuracy.value))),
        held_out=scores,
        chosen_on=chosen_on,
        criterion=criterion,
        members=chosen.members if chosen else (),
        copies=chosen.copies if chosen else None,
    )


def _attempts(
    x: np.ndarray, frozen: Frozen, grid: Grid, ground: Ground, progress: Progress
) -> list[Tried]:
    """Tries the grid on every feature set, in their order, and then on those with copies."""
    sets = {name: each for name, each in frozen.sets.items() if name in (grid.own or frozen.sets)}

    def one(job: tuple[str, int]) -> Tried:
        name, side = job
        space, look = make_space(x, sets[name], side), frozen.look_of.get(name, 0)
        return attempt(name, space, len(sets[name]), grid, ground, look)

    jobs = [(name, 0) for name in sets]
    # Copies are rows that are held, so that many items are learnt from without.
    if grid.looks and grid.copies and len(x) < _CHOOSE_ON:
        jobs += [(name, frozen.sides[name]) for name in sets if name in frozen.sides]

    # Whole feature sets side by side, one BLAS thread each: threads inside of a matrix product
    # wait for each other at every step and leave everything else to one processor.
    order = sorted(jobs, key=lambda job: -len(sets[job[0]]) * (1 + (job[1] > 0)))
    results: dict[tuple[str, int], Tried] = {}
    progress("trying classifiers", 0, len(jobs))
    with one_blas_thread(), ThreadPoolExecutor(cpu_count(), "probe") as pool:
        for job, result in zip(order, pool.map(one, order), strict=True):
            results[job] = result
            progress("trying classifiers", len(results), len(jobs))
    return [results[job] for job in jobs]


def _rank(best: Best) -> tuple[float, bool, float]:
    """Returns what the best of each feature set are compared by."""
    return best.value, not tells_places(best.config.features), -best.loss


def _trial_of(chosen: Average, ground: Ground) -> Trial:
    """Returns the line of the table for an average."""
    y, n = ground.targets, len(ground.targets)
    accuracy, balanced = hit_rates(chosen.held_out[None], y, ground.counts)
    width = len(np.unique(np.concatenate([each.columns for each in chosen.members])))
    return Trial(
        chosen.config, width, int(ground.draws.max()) + 1, len(ground.draws),
        wilson(accuracy * n, n), balanced, chosen.loss, 0.0,
    )  # fmt: skip
