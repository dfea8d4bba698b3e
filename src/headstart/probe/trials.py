"""`attempt`: everything that is tried on one feature set, by cross-validation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from headstart.metrics.calibration import fit_temperature
from headstart.metrics.interval import wilson
from headstart.nets.heads.head import softmax
from headstart.probe.classifiers import (
    LINEAR,
    Classifier,
    Config,
    Space,
    held_out_scores,
    item_weights,
)
from headstart.probe.ensemble import Averaged, candidate
from headstart.records import Estimate

__all__ = [
    "Best",
    "Grid",
    "Ground",
    "Trial",
    "Tried",
    "attempt",
    "calibrated_losses",
    "drawn_by_class",
    "hit_rates",
    "judged_by",
]

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
        own: Name of a feature set -> what is tried on it; where there are any, on no other set is
            anything tried.
        copies: Whether an average may learn from mirrored copies of the items too.
    """

    classifiers: tuple[Classifier, ...] = ("prototypes", "neighbours", "logistic", "svm")
    logistic: tuple[float, ...] = (0.3, 1, 3, 10, 30, 100, 300)
    svm: tuple[float, ...] = (0.1, 0.3, 1, 3, 10)
    neighbours: tuple[int, ...] = (1, 3, 5, 10, 20)
    looks: int = 0
    own: dict[str, Grid] = field(default_factory=dict)
    copies: bool = False

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
class Ground:
    """What all trials share: (N,) classes, (R, N) folds, (C,) counts and how they are judged."""

    targets: np.ndarray
    draws: np.ndarray
    counts: np.ndarray
    n_classes: int
    uneven: bool
    criterion: str


@dataclass(frozen=True)
class Best:
    """The best trial so far: its criterion, loss, (N, C) held-out scores and features."""

    value: float
    loss: float
    config: Config
    scores: np.ndarray
    space: Space


@dataclass(frozen=True)
class Tried:
    """The best trial on one feature set, its best linear one for an average, and all."""

    best: Best
    linear: Averaged | None
    trials: list[Trial]


def attempt(
    name: str, space: Space, dimensions: int, grid: Grid, ground: Ground, look: int
) -> Tried:
    """Tries the grid on one feature set."""
    repeats, folds = len(ground.draws), int(ground.draws.max()) + 1
    y, n = ground.targets, len(ground.targets)
    width, problems = space.coordinates.shape[1], folds * repeats
    if name in grid.own:
        grid = replace(grid.own[name], looks=grid.looks)
    else:
        grid = _affordable(grid, name, n, width, ground.n_classes, problems)
    if space.side:  # neighbours and prototypes know no copies
        known = tuple(each for each in grid.classifiers if each in LINEAR)
        grid = replace(grid, classifiers=known)
    trials: list[Trial] = []
    best: Best | None = None
    linear: tuple[float, Config, np.ndarray] | None = None
    for config, scores, seconds in _try(space, ground, grid=grid, features=name):
        accuracy, balanced = hit_rates(scores, y, ground.counts)
        value = balanced if ground.criterion == "balanced accuracy" else accuracy
        mean_scores, loss = scores.mean(axis=0), float("nan")
        if grid.looks or best is None or value >= best.value - 0.01:
            loss = float(calibrated_losses(mean_scores, y).mean())
            if best is None or (value, -loss) > (best.value, -best.loss):
                best = Best(value, loss, config, mean_scores, space)
        if config.classifier in LINEAR and (linear is None or loss < linear[0]):
            linear = loss, config, mean_scores
        estimate = wilson(accuracy * n, n)
        trials.append(Trial(config, dimensions, folds, repeats, estimate, balanced, loss, seconds))
    assert best is not None
    averaged = None
    if grid.looks and linear is not None:
        averaged = candidate(linear[1], look, space, linear[2], y)
    return Tried(best, averaged, trials)


def hit_rates(scores: np.ndarray, y: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Returns accuracy and balanced accuracy of (R, N, C) held-out scores."""
    hits = (scores.argmax(axis=2) == y).mean(axis=0)
    recalls = np.bincount(y, hits, minlength=len(counts))[counts > 0] / counts[counts > 0]
    return float(hits.mean()), float(recalls.mean())


def calibrated_losses(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the (N,) log-losses of (N, C) scores at the temperature that suits them best."""
    own = softmax(scores / fit_temperature(scores, y))[np.arange(len(y)), y]
    return np.asarray(-np.log(np.maximum(own, 1e-12)))


def judged_by(counts: np.ndarray) -> tuple[str, bool]:
    """Returns what trials on (C,) counts of classes are judged by, and whether those are uneven."""
    present = counts[counts > 0]
    criterion = "balanced accuracy" if present.max() > 2 * present.min() else "accuracy"
    return criterion, bool(present.max() > 1.5 * present.min())


def drawn_by_class(targets: np.ndarray, most: int, *, seed: int = 0) -> np.ndarray:
    """Returns (M,) int items to choose on: all, or a stratified draw.

    Args:
        targets: (N,) int.
        most: How many are looked at.
        seed: Of the draw.
    """
    n = len(targets)
    if n <= most:
        return np.arange(n)
    shuffled = np.random.default_rng(seed).permutation(n)
    ordered = shuffled[np.argsort(targets[shuffled], kind="stable")]
    # Every s-th item of the items ordered by class keeps the shares of the classes.
    return np.sort(ordered[np.linspace(0, n - 1, most).astype(int)])


def _try(
    space: Space, ground: Ground, *, grid: Grid, features: str
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
                config = Config(classifier, features, float(strength), balanced, space.side)
                yield config, held, seconds


def _affordable(grid: Grid, name: str, n: int, width: int, n_classes: int, problems: int) -> Grid:
    """Thins the linear classifiers where many classes would make them slow."""
    one = 2 * _TRADES_PER_STEP * n * width * n_classes * problems * _STEPS / 2e9
    if one * len(grid.logistic) <= _PATIENCE:
        return grid
    if name in ("last", "upper", "all", "regions"):
        return grid.thinned()
    quick = tuple(each for each in grid.classifiers if each in ("prototypes", "neighbours"))
    return replace(grid, classifiers=quick) if quick else grid.thinned()
