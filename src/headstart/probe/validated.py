"""`probe_validated`: the probe whose classifier is chosen by images set aside for choosing.

Folds inside the training images cannot know how far a classifier carries to images of another
kind; validation images of that kind can.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from headstart.compute import Compute
from headstart.data.splits.split import folds as make_folds
from headstart.images.pixels import cpu_count
from headstart.metrics.calibration import fit_temperature
from headstart.metrics.interval import paired_difference, wilson
from headstart.probe.classifiers import (
    Config,
    Space,
    fit_head,
    held_out_scores,
    item_weights,
    make_space,
    one_blas_thread,
)
from headstart.probe.frozen import Frozen
from headstart.probe.probe import Labelled, Probe
from headstart.probe.trials import (
    Grid,
    Trial,
    calibrated_losses,
    drawn_by_class,
    hit_rates,
    judged_by,
)
from headstart.records import Estimate

__all__ = ["Validated", "held_inside", "probe_validated", "score_outside"]

_CHOOSE_ON = 5_000  # training images; more cost minutes and change no choice


@dataclass(frozen=True)
class Validated:
    """A probe that validation images chose.

    Attributes:
        probe: What was chosen, fitted on the training images, or on both; None where validation
            images show nothing surely better than what folds over all images chose.
        joined: Whether the validation images were trained on as well in the end.
        gain: Accuracy on validation images that joining brought while they were held out: the
            best of both ways, paired.
    """

    probe: Probe | None
    joined: bool
    gain: Estimate


@dataclass(frozen=True)
class _Tried:
    """One way to classify, and its (V, C) scores of the validation images."""

    config: Config
    joined: bool
    dimensions: int
    scores: np.ndarray
    accuracy: float
    balanced: float
    loss: float
    seconds: float


def score_outside(
    frozen: Frozen, config: Config, labelled: Labelled, outside: np.ndarray
) -> np.ndarray:
    """Fits one classifier on the training items and scores others.

    Args:
        frozen: Features of N items.
        config: Which classifier.
        labelled: Its items train.
        outside: (V,) int.

    Returns:
        (V, C) float32.
    """
    ground = _Ground(frozen, labelled, _few(labelled), outside, np.zeros(0, int))
    return next(_alone(ground, config.features, [config])).scores


def held_inside(
    frozen: Frozen, config: Config, labelled: Labelled, compute: Compute, *, folds: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """Scores the training items while they are held out, in one draw of folds.

    Args:
        frozen: Features of N items.
        config: Which classifier.
        labelled: Its items train; no cluster is cut.
        compute: Its seed is that of the folds.
        folds: K.

    Returns:
        (M,) int items, at most 5,000, and their (M, C) float32 scores.
    """
    items = _few(labelled)
    y, clusters = labelled.targets[items], labelled.clusters[items]
    k = max(2, min(folds, len(np.unique(clusters))))
    fold_of = make_folds(y, clusters, k=k, seed=compute.seed)
    trained = np.stack([fold_of != fold for fold in range(k)])
    space = make_space(frozen.vectors[items], frozen.sets[config.features])
    with one_blas_thread():
        scores = held_out_scores(
            config.classifier, space, y, n_classes=labelled.n_classes,
            weights=item_weights(trained, y, balanced=config.balanced),
            strengths=np.full(k, config.C),
        )  # fmt: skip
    return items, scores[fold_of, np.arange(len(items))]


def probe_validated(
    frozen: Frozen,
    labelled: Labelled,
    validation: np.ndarray,
    compute: Compute,
    *,
    apart: bool = True,
    standing: Config | None = None,
    grid: Grid | None = None,
    folds: int = 5,
) -> Validated:
    """Tries the grid on the training items, and chooses by what each says of the validation items.

    Each is tried twice: on the training items alone, and with the other folds of the validation
    items beside them, so that whether these are trained on in the end is decided by validation
    items that were held out, as everything is.

    Args:
        frozen: Features of N items.
        labelled: Its items train.
        validation: (V,) int items that choose, and set the temperature.
        compute: Its seed is that of folds and subsampling.
        apart: Do not choose on training items that share a cluster with validation items.
        standing: What folds over all items chose; it stays unless surely worse.
        grid: What is tried.
        folds: Of the validation items, and of the training items when they are held out.
    """
    grid = grid or Grid()
    items, y = _few(labelled), labelled.targets[validation]
    if apart:
        alone = ~np.isin(labelled.clusters[items], labelled.clusters[validation])
        items = items[alone] if len(np.unique(labelled.targets[items[alone]])) > 1 else items
    groups = labelled.clusters[validation]
    k = max(2, min(folds, len(np.unique(groups))))
    fold_of = make_folds(y, groups, k=k, seed=compute.seed)
    ground = _Ground(frozen, labelled, items, validation, fold_of)
    counts = np.bincount(labelled.targets[items], minlength=labelled.n_classes)
    criterion, uneven = judged_by(counts)

    def attempt(name: str) -> list[_Tried]:
        configs = _configs(grid, name, uneven=uneven)
        return [*_alone(ground, name, configs), *_beside(ground, name, configs)]

    names, tried = list(frozen.sets), []
    with one_blas_thread(), ThreadPoolExecutor(cpu_count(), "validated") as pool:
        for number, found in enumerate(pool.map(attempt, names), 1):
            tried += found
            compute.progress("trying classifiers on the validation images", number, len(names))
    many = len(np.unique(groups))
    joined, own = (
        _best([t for t in tried if t.joined == j], criterion, many) for j in (True, False)
    )
    gain = paired_difference(_right(joined, y), _right(own, y), groups, seed=compute.seed)
    # Images of the kind that is asked about are worth having, and held out they had a fold less
    # of each other: they stay out only where that is surely better.
    best = own if gain.high < 0 and _surely_better(own, joined, y, groups) else joined
    stays = next((t for t in tried if t.joined and t.config == standing), None)
    if stays is not None and not _surely_better(best, stays, y, groups):
        return Validated(None, True, gain)
    trials = [_trial(t, len(y), chosen=t is best) for t in tried if t.joined == best.joined]
    learnt = labelled
    if best.joined:
        learnt = replace(labelled, items=np.sort(np.concatenate([_all(labelled), validation])))
    fitted = _fitted(frozen, learnt, best, compute, folds=folds)
    ordered = sorted(trials, key=lambda trial: (not trial.chosen, -trial.accuracy.value))
    probe = replace(
        fitted, temperature=fit_temperature(best.scores, y), trials=tuple(ordered),
        criterion=criterion,
    )  # fmt: skip
    return Validated(probe, best.joined, gain)


@dataclass(frozen=True)
class _Ground:
    """What all trials share: who trains, who chooses, and the (V,) folds of the latter."""

    frozen: Frozen
    labelled: Labelled
    items: np.ndarray
    outside: np.ndarray
    fold_of: np.ndarray


def _configs(grid: Grid, name: str, *, uneven: bool) -> list[Config]:
    return [
        Config(kind, name, float(strength), balanced)
        for kind in grid.classifiers
        for balanced in ((False, True) if uneven and kind in ("logistic", "svm") else (False,))
        for strength in grid.strengths(kind)
    ]


def _fitted(
    frozen: Frozen, learnt: Labelled, best: _Tried, compute: Compute, *, folds: int
) -> Probe:
    """Returns the chosen classifier on all that it may learn from, and its held-out scores."""
    few = _few(learnt)
    with one_blas_thread():
        space = make_space(frozen.vectors[few], frozen.sets[best.config.features])
        head = fit_head(
            best.config, space, frozen.vectors, learnt.targets,
            n_classes=learnt.n_classes, items=learnt.items,
        )  # fmt: skip
    chosen_on, held_out = held_inside(frozen, best.config, learnt, compute, folds=folds)
    return Probe(head, 1.0, best.config, (), held_out, chosen_on, "")


def _right(each: _Tried, y: np.ndarray) -> np.ndarray:
    return np.asarray(each.scores.argmax(axis=1) == y)


def _all(labelled: Labelled) -> np.ndarray:
    return np.arange(len(labelled.targets)) if labelled.items is None else labelled.items


def _few(labelled: Labelled) -> np.ndarray:
    """Returns the training items, some of each class where they are many."""
    items = _all(labelled)
    return items[drawn_by_class(labelled.targets[items], _CHOOSE_ON)]


def _alone(ground: _Ground, name: str, configs: list[Config]) -> Iterator[_Tried]:
    """Yields what each says that trained on the training items alone, in their axes alone."""
    frozen, n, outside = ground.frozen, len(ground.items), ground.outside
    columns = frozen.sets[name]
    space = make_space(frozen.vectors[ground.items], columns)
    others = space.axes.rotate(frozen.vectors[outside][:, columns].astype(np.float32, copy=False))
    space = replace(space, coordinates=np.concatenate([space.coordinates, others]))
    trained = (np.arange(n + len(outside)) < n)[None]
    for config, scores, seconds in _scored(ground, space, configs, trained):
        yield _judged(ground, config, scores[0, n:], seconds, joined=False)


def _beside(ground: _Ground, name: str, configs: list[Config]) -> Iterator[_Tried]:
    """Yields what each says that trained on the other folds of the validation items too."""
    frozen, n, fold_of = ground.frozen, len(ground.items), ground.fold_of
    both = np.concatenate([ground.items, ground.outside])
    space = make_space(frozen.vectors[both], frozen.sets[name])
    folds = np.unique(fold_of)
    trained = np.stack([np.concatenate([np.ones(n, bool), fold_of != fold]) for fold in folds])
    mine = np.searchsorted(folds, fold_of), n + np.arange(len(fold_of))
    for config, scores, seconds in _scored(ground, space, configs, trained):
        yield _judged(ground, config, scores[mine], seconds, joined=True)


def _scored(
    ground: _Ground, space: Space, configs: list[Config], trained: np.ndarray
) -> Iterator[tuple[Config, np.ndarray, float]]:
    """Yields (config, (P, N, C) scores, seconds); strengths of one kind are solved side by side.

    Args:
        ground: What all trials share.
        space: Of training and validation items, in this order.
        configs: What is tried.
        trained: (P, N) bool, who trains.
    """
    labelled = ground.labelled
    y = labelled.targets[np.concatenate([ground.items, ground.outside])]
    kinds = dict.fromkeys((config.classifier, config.balanced) for config in configs)
    for classifier, balanced in kinds:
        alike = [c for c in configs if (c.classifier, c.balanced) == (classifier, balanced)]
        started = time.perf_counter()
        scores = held_out_scores(
            classifier, space, y, n_classes=labelled.n_classes,
            weights=np.tile(item_weights(trained, y, balanced=balanced), (len(alike), 1)),
            strengths=np.repeat([config.C for config in alike], len(trained)),
        ).reshape(len(alike), len(trained), len(y), labelled.n_classes)  # fmt: skip
        seconds = (time.perf_counter() - started) / len(alike)
        for config, each in zip(alike, scores, strict=True):
            yield config, each, seconds


def _judged(
    ground: _Ground, config: Config, scores: np.ndarray, seconds: float, *, joined: bool
) -> _Tried:
    y = ground.labelled.targets[ground.outside]
    accuracy, balanced = hit_rates(scores[None], y, np.bincount(y))
    loss = float(calibrated_losses(scores, y).mean())
    width = len(ground.frozen.sets[config.features])
    return _Tried(config, joined, width, scores, accuracy, balanced, loss, seconds)


def _best(tried: list[_Tried], criterion: str, clusters: int) -> _Tried:
    """Returns the best by log-loss of those that the criterion cannot tell apart.

    The validation images are often few, so the best of a hundred is partly luck: whoever is within
    a standard error of it, for as many trials as there are clusters, is as good, and log-loss knows
    more of each image.
    """

    def value(each: _Tried) -> float:
        return each.balanced if criterion == "balanced accuracy" else each.accuracy

    top = max(value(each) for each in tried)
    noise = np.sqrt(max(top * (1 - top), 0) / clusters)
    return min((each for each in tried if value(each) >= top - noise), key=lambda each: each.loss)


def _surely_better(best: _Tried, other: _Tried, y: np.ndarray, groups: np.ndarray) -> bool:
    """Whether the log-loss of one is lower by two standard errors, paired, over clusters."""
    change = calibrated_losses(other.scores, y) - calibrated_losses(best.scores, y)
    sums = np.bincount(np.unique(groups, return_inverse=True)[1], change - change.mean())
    return bool(change.sum() > 2 * np.sqrt((sums**2).sum()))


def _trial(each: _Tried, n: int, *, chosen: bool) -> Trial:
    estimate = wilson(each.accuracy * n, n)
    return Trial(
        each.config, each.dimensions, 1, 1, estimate, each.balanced, each.loss,
        each.seconds, chosen,
    )  # fmt: skip
