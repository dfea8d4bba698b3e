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
from headstart.data.split import folds as make_folds
from headstart.images.pixels import cpu_count
from headstart.metrics.calibration import fit_temperature
from headstart.metrics.interval import wilson
from headstart.nets.heads import softmax
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
from headstart.probe.probe import Grid, Labelled, Probe, Trial

__all__ = ["held_inside", "probe_validated", "score_outside"]

_CHOOSE_ON = 5_000  # training images; more cost minutes and change no choice


@dataclass(frozen=True)
class _Tried:
    """One way to classify, and its (V, C) scores of the validation images."""

    config: Config
    space: Space
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
    items = _few(labelled)
    space = _space(frozen, config.features, items, outside)
    return next(_scored(space, [config], labelled, items, len(outside)))[1]


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
    grid: Grid | None = None,
    folds: int = 5,
) -> Probe:
    """Tries the grid on the training items, and chooses by what each says of the validation items.

    Args:
        frozen: Features of N items.
        labelled: Its items train, and nothing else does.
        validation: (V,) int items that choose, and set the temperature.
        compute: Its seed is that of folds and subsampling.
        grid: What is tried.
        folds: Of the scores of training items while they were held out.

    Returns:
        A `Probe`; its held-out scores are those of training items, as of any other.
    """
    grid = grid or Grid()
    items = _few(labelled)
    y = labelled.targets[validation]
    counts = np.bincount(labelled.targets[items], minlength=labelled.n_classes)
    present = counts[counts > 0]
    criterion = "balanced accuracy" if present.max() > 2 * present.min() else "accuracy"
    weighing = (False, True) if present.max() > 1.5 * present.min() else (False,)

    def attempt(name: str) -> list[_Tried]:
        space = _space(frozen, name, items, validation)
        configs = [
            Config(kind, name, float(strength), balanced)
            for kind in grid.classifiers
            for balanced in (weighing if kind in ("logistic", "svm") else (False,))
            for strength in grid.strengths(kind)
        ]
        own = replace(space, coordinates=space.coordinates[: len(items)])
        return [
            _judged(config, own, scores, y, seconds)
            for config, scores, seconds in _scored(space, configs, labelled, items, len(y))
        ]

    names = list(frozen.sets)
    tried: list[_Tried] = []
    with one_blas_thread(), ThreadPoolExecutor(cpu_count(), "validated") as pool:
        for number, found in enumerate(pool.map(attempt, names), 1):
            tried += found
            compute.progress("trying classifiers on the validation images", number, len(names))
    best = _best(tried, criterion)
    with one_blas_thread():
        head = fit_head(
            best.config, best.space, frozen.vectors, labelled.targets,
            n_classes=labelled.n_classes, items=labelled.items,
        )  # fmt: skip
    chosen_on, held_out = held_inside(frozen, best.config, labelled, compute, folds=folds)
    trials = [_trial(each, len(y), chosen=each is best) for each in tried]
    return Probe(
        head=head,
        temperature=fit_temperature(best.scores, y),
        config=best.config,
        trials=tuple(sorted(trials, key=lambda trial: (not trial.chosen, -trial.accuracy.value))),
        held_out=held_out,
        chosen_on=chosen_on,
        criterion=criterion,
    )


def _few(labelled: Labelled) -> np.ndarray:
    """Returns the training items, every s-th by class where they are many."""
    targets = labelled.targets
    items = np.arange(len(targets)) if labelled.items is None else labelled.items
    if len(items) <= _CHOOSE_ON:
        return items
    ordered = items[np.argsort(targets[items], kind="stable")]
    return np.sort(ordered[np.linspace(0, len(items) - 1, _CHOOSE_ON).astype(int)])


def _space(frozen: Frozen, name: str, items: np.ndarray, outside: np.ndarray) -> Space:
    """Returns coordinates of training items, then of others, in the axes of the former alone."""
    columns = frozen.sets[name]
    own = make_space(frozen.vectors[items], columns)
    others = own.axes.rotate(frozen.vectors[outside][:, columns].astype(np.float32, copy=False))
    return replace(own, coordinates=np.concatenate([own.coordinates, others]))


def _scored(
    space: Space, configs: list[Config], labelled: Labelled, items: np.ndarray, outside: int
) -> Iterator[tuple[Config, np.ndarray, float]]:
    """Yields (config, (V, C) scores, seconds); strengths of one kind are solved side by side."""
    # The others have weight 0 in every problem, so that their targets are never looked at.
    y = np.concatenate([labelled.targets[items], np.zeros(outside, int)])
    trains = np.arange(len(y)) < len(items)
    kinds = dict.fromkeys((config.classifier, config.balanced) for config in configs)
    for classifier, balanced in kinds:
        alike = [c for c in configs if (c.classifier, c.balanced) == (classifier, balanced)]
        started = time.perf_counter()
        scores = held_out_scores(
            classifier, space, y, n_classes=labelled.n_classes,
            weights=np.tile(item_weights(trains[None], y, balanced=balanced), (len(alike), 1)),
            strengths=np.array([config.C for config in alike]),
        )  # fmt: skip
        seconds = (time.perf_counter() - started) / len(alike)
        for config, each in zip(alike, scores, strict=True):
            yield config, each[len(items) :], seconds


def _judged(
    config: Config, space: Space, scores: np.ndarray, y: np.ndarray, seconds: float
) -> _Tried:
    right = scores.argmax(axis=1) == y
    counts = np.bincount(y)
    recalls = np.bincount(y, right)[counts > 0] / counts[counts > 0]
    own = softmax(scores / fit_temperature(scores, y))[np.arange(len(y)), y]
    loss = float(-np.log(np.maximum(own, 1e-12)).mean())
    return _Tried(
        config, space, scores, float(right.mean()), float(recalls.mean()), loss, seconds
    )


def _best(tried: list[_Tried], criterion: str) -> _Tried:
    """Returns the best by the criterion; among those that it cannot tell apart, by log-loss.

    The validation images are often few, so the best of sixty is partly luck: whoever is within
    half a standard error of it is as good, and log-loss knows more of each image.
    """

    def value(each: _Tried) -> float:
        return each.balanced if criterion == "balanced accuracy" else each.accuracy

    top = max(value(each) for each in tried)
    noise = 0.5 * np.sqrt(max(top * (1 - top), 0) / len(tried[0].scores))
    near = [each for each in tried if value(each) >= top - noise]
    return min(near, key=lambda each: each.loss)


def _trial(each: _Tried, n: int, *, chosen: bool) -> Trial:
    estimate = wilson(each.accuracy * n, n)
    return Trial(
        each.config, each.space.coordinates.shape[1] - 1, 1, 1, estimate, each.balanced, each.loss,
        each.seconds, chosen,
    )  # fmt: skip
