"""The probe: which classifier on which frozen features, chosen by cross-validation.

Everything tried is kept as a `Trial` with its interval. Folds keep clusters (groups and
duplicates) together, so a familiar face or a copied file cannot help.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np

from headstart.compute import Compute, Progress
from headstart.data.split import folds as make_folds
from headstart.images.pixels import cpu_count
from headstart.metrics.calibration import fit_temperature
from headstart.metrics.interval import wilson
from headstart.nets.heads import Head, softmax
from headstart.probe.classifiers import (
    LINEAR,
    Classifier,
    Config,
    Space,
    fit_head,
    held_out_scores,
    item_weights,
    make_space,
    one_blas_thread,
)
from headstart.probe.ensemble import Average, Candidate, Member, average, candidate, merged
from headstart.probe.frozen import Frozen
from headstart.records import Estimate

__all__ = ["Grid", "Labelled", "Probe", "Trial", "probe"]

# Choosing on more items than this costs minutes and changes no choice.
_CHOOSE_ON = 10_000
# Multiplications (in 10^9) past which the linear grid is thinned.
_PATIENCE = 200
_TRADES_PER_STEP, _STEPS = 4, 25


@dataclass(frozen=True)
class Grid:
    """What is tried.

    Attributes:
        classifiers: Kinds, in the order of trial.
        logistic: Strengths of logistic regression. Standardised rows have a mean squared
            length of 1, so the same strengths suit every backbone.
        svm: Strengths of the linear SVM.
        neighbours: Numbers of neighbours.
        looks: Where above 0, linear classifiers are averaged, of so many looks at most.
    """

    classifiers: tuple[Classifier, ...] = ("prototypes", "neighbours", "logistic", "svm")
    logistic: tuple[float, ...] = (0.3, 1, 3, 10, 30, 100, 300)
    svm: tuple[float, ...] = (0.1, 0.3, 1, 3, 10)
    neighbours: tuple[int, ...] = (1, 3, 5, 10, 20)
    looks: int = 0

    def strengths(self, classifier: Classifier) -> tuple[float, ...]:
        """Returns the strengths to try for one kind."""
        return (0.0,) if classifier == "prototypes" else getattr(self, classifier)

    def thinned(self) -> Grid:
        """Returns every other strength of logistic regression, and no SVM; never nothing."""
        others = tuple(each for each in self.classifiers if each != "svm")
        return replace(
            self,
            classifiers=others or self.classifiers,
            logistic=self.logistic[2::2] or self.logistic,
        )


@dataclass(frozen=True)
class Trial:
    """One line of the table of what was tried.

    Attributes:
        config: What was tried.
        dimensions: Width of its features.
        folds: Folds of the cross-validation.
        repeats: Times it was repeated with other folds.
        accuracy: Cross-validated.
        balanced_accuracy: Cross-validated mean of the classes' recalls.
        log_loss: After temperature scaling; NaN for trials too far behind to matter.
        seconds: Its share of the time.
        chosen: Whether it won.
    """

    config: Config
    dimensions: int
    folds: int
    repeats: int
    accuracy: Estimate
    balanced_accuracy: float
    log_loss: float
    seconds: float
    chosen: bool = False


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
    """

    head: Head
    temperature: float
    config: Config
    trials: tuple[Trial, ...]
    held_out: np.ndarray
    chosen_on: np.ndarray
    criterion: str
    members: tuple[Member, ...] = ()

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
    vectors, sets = frozen.vectors, frozen.sets
    targets, clusters, n_classes = labelled.targets, labelled.clusters, labelled.n_classes
    items = np.arange(len(targets)) if labelled.items is None else labelled.items
    seed, progress = compute.seed, compute.progress
    chosen_on = items[_subsample(targets[items], seed)]
    y, groups = targets[chosen_on], clusters[chosen_on]
    x = vectors if len(chosen_on) == len(vectors) else vectors[chosen_on]
    folds = max(2, min(folds, len(np.unique(groups))))
    # With few images one draw of folds is luck, so several are averaged.
    repeats = int(np.clip(600 // max(len(y), 1), 1, 5))
    draws = np.stack([make_folds(y, groups, k=folds, seed=seed + i) for i in range(repeats)])
    counts = np.bincount(y, minlength=n_classes)
    present = counts[counts > 0]
    uneven = present.max() > 1.5 * present.min()
    criterion = "balanced accuracy" if present.max() > 2 * present.min() else "accuracy"

    ground = _Ground(y, draws, counts, n_classes, uneven, criterion)
    results = _attempts(x, frozen, grid, ground, progress)
    trials = [trial for name in sets for trial in results[name].trials]
    # One problem on many items is the one place where threads inside a product pay.
    threads = nullcontext if len(items) > _CHOOSE_ON else one_blas_thread

    def fit(config: Config, space: Space) -> Head:
        return fit_head(config, space, vectors, targets, n_classes=n_classes, items=items)

    if grid.looks:
        linear = [result.linear for result in results.values() if result.linear is not None]
        chosen = average(linear, y, most=grid.looks)
        with threads():
            head = merged([fit(each.config, each.space) for each in chosen.candidates],
                          chosen.members)  # fmt: skip
        config, scores, members = chosen.config, chosen.held_out, chosen.members
        trials.append(_trial_of(chosen, ground))
        criterion = "log-loss"
    else:
        best = max((results[name].best for name in sets), key=lambda each: (each.value, -each.loss))
        with threads():
            head = fit(best.config, best.space)
        config, scores, members = best.config, best.scores, ()
    trials = [replace(trial, chosen=trial.config == config) for trial in trials]
    return Probe(
        head=head,
        temperature=fit_temperature(scores, y),
        config=config,
        trials=tuple(sorted(trials, key=lambda trial: (not trial.chosen, -trial.accuracy.value))),
        held_out=scores,
        chosen_on=chosen_on,
        criterion=criterion,
        members=members,
    )


def _attempts(
    x: np.ndarray, frozen: Frozen, grid: Grid, ground: _Ground, progress: Progress
) -> dict[str, _Attempt]:
    """Tries the grid on every feature set; by name, in the order of the sets."""
    sets = frozen.sets

    def attempt(name: str) -> _Attempt:
        space, look = make_space(x, sets[name]), frozen.look_of.get(name, 0)
        return _attempt(name, space, len(sets[name]), grid, ground, look)

    # Whole feature sets side by side, one BLAS thread each: threads inside of a matrix product
    # wait for each other at every step and leave everything else to one processor.
    names = sorted(sets, key=lambda name: -len(sets[name]))
    results: dict[str, _Attempt] = {}
    progress("trying classifiers", 0, len(sets))
    with one_blas_thread(), ThreadPoolExecutor(cpu_count(), "probe") as pool:
        for name, result in zip(names, pool.map(attempt, names), strict=True):
            results[name] = result
            progress("trying classifiers", len(results), len(sets))
    return {name: results[name] for name in sets}


@dataclass(frozen=True)
class _Ground:
    """What all trials share: (N,) classes, (R, N) folds, (C,) counts and how they are judged."""

    targets: np.ndarray
    draws: np.ndarray
    counts: np.ndarray
    n_classes: int
    uneven: bool
    criterion: str


@dataclass(frozen=True)
class _Best:
    """The best trial so far: its criterion, loss, (N, C) held-out scores and features."""

    value: float
    loss: float
    config: Config
    scores: np.ndarray
    space: Space


@dataclass(frozen=True)
class _Attempt:
    """The best trial on one feature set, its best linear one for an average, and all."""

    best: _Best
    linear: Candidate | None
    trials: list[Trial]


def _attempt(
    name: str, space: Space, dimensions: int, grid: Grid, ground: _Ground, look: int
) -> _Attempt:
    """Tries the grid on one feature set."""
    repeats, folds = len(ground.draws), int(ground.draws.max()) + 1
    y, n = ground.targets, len(ground.targets)
    grid = _affordable(grid, name, n, space.coordinates.shape[1], ground.n_classes, folds * repeats)
    trials: list[Trial] = []
    best: _Best | None = None
    linear: tuple[float, Config, np.ndarray] | None = None
    for config, scores, seconds in _try(space, ground, grid=grid, features=name):
        accuracy, balanced = _judge(scores, y, ground.counts)
        value = balanced if ground.criterion == "balanced accuracy" else accuracy
        mean_scores, loss = scores.mean(axis=0), float("nan")
        if grid.looks or best is None or value >= best.value - 0.01:
            loss = _calibrated_loss(mean_scores, y)
            if best is None or (value, -loss) > (best.value, -best.loss):
                best = _Best(value, loss, config, mean_scores, space)
        if config.classifier in LINEAR and (linear is None or loss < linear[0]):
            linear = loss, config, mean_scores
        estimate = wilson(accuracy * n, n)
        trials.append(Trial(config, dimensions, folds, repeats, estimate, balanced, loss, seconds))
    assert best is not None
    averaged = None
    if grid.looks and linear is not None:
        averaged = candidate(linear[1], look, space, linear[2], y)
    return _Attempt(best, averaged, trials)


def _trial_of(chosen: Average, ground: _Ground) -> Trial:
    """Returns the line of the table for an average."""
    y, n = ground.targets, len(ground.targets)
    accuracy, balanced = _judge(chosen.held_out[None], y, ground.counts)
    width = len(np.unique(np.concatenate([each.columns for each in chosen.members])))
    return Trial(
        chosen.config, width, int(ground.draws.max()) + 1, len(ground.draws),
        wilson(accuracy * n, n), balanced, chosen.loss, 0.0,
    )  # fmt: skip


def _judge(scores: np.ndarray, y: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Returns accuracy and balanced accuracy of (R, N, C) held-out scores."""
    hits = (scores.argmax(axis=2) == y).mean(axis=0)
    recalls = np.bincount(y, hits, minlength=len(counts))[counts > 0] / counts[counts > 0]
    return float(hits.mean()), float(recalls.mean())


def _calibrated_loss(scores: np.ndarray, y: np.ndarray) -> float:
    """Returns the log-loss of (N, C) scores at their best temperature."""
    own = softmax(scores / fit_temperature(scores, y))[np.arange(len(y)), y]
    return float(-np.log(np.maximum(own, 1e-12)).mean())


def _try(
    space: Space, ground: _Ground, *, grid: Grid, features: str
) -> Iterator[tuple[Config, np.ndarray, float]]:
    """Yields (config, (R, N, C) held-out scores, seconds) of every trial on one feature set.

    Balanced weights are tried too where the classes are uneven.
    """
    targets, draws, n_classes = ground.targets, ground.draws, ground.n_classes
    folds = int(draws.max()) + 1
    trained = np.stack([draw != fold for draw in draws for fold in range(folds)])  # (R * K, N)
    for classifier in grid.classifiers:
        weighted = ground.uneven and classifier in LINEAR
        for balanced in (False, True) if weighted else (False,):
            started = time.perf_counter()
            strengths = np.asarray(grid.strengths(classifier), float)
            weights = item_weights(trained, targets, balanced=balanced)
            scores = held_out_scores(
                classifier,
                space,
                targets,
                n_classes=n_classes,
                weights=np.tile(weights, (len(strengths), 1)),
                strengths=np.repeat(strengths, len(trained)),
            ).reshape(len(strengths), len(draws), folds, len(targets), n_classes)
            seconds = (time.perf_counter() - started) / len(strengths)
            items = np.arange(len(targets))
            for strength, each in zip(strengths, scores, strict=True):
                held = np.stack([each[r, draw, items] for r, draw in enumerate(draws)])
                yield Config(classifier, features, float(strength), balanced), held, seconds


def _affordable(grid: Grid, name: str, n: int, width: int, n_classes: int, problems: int) -> Grid:
    """Thins the linear classifiers where many classes would make them slow."""
    one = 2 * _TRADES_PER_STEP * n * width * n_classes * problems * _STEPS / 2e9
    if one * len(grid.logistic) <= _PATIENCE:
        return grid
    if name in ("last", "upper", "all"):
        return grid.thinned()
    quick = tuple(each for each in grid.classifiers if each in ("prototypes", "neighbours"))
    return replace(grid, classifiers=quick) if quick else grid.thinned()


def _subsample(targets: np.ndarray, seed: int) -> np.ndarray:
    """Returns the items to choose on: all, or a stratified draw of 10,000."""
    n = len(targets)
    if n <= _CHOOSE_ON:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(n)
    ordered = shuffled[np.argsort(targets[shuffled], kind="stable")]
    # Every s-th item of the items ordered by class keeps the shares of the classes.
    return np.sort(ordered[np.linspace(0, n - 1, _CHOOSE_ON).astype(int)])
