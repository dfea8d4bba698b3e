"""What a trained model must beat: the majority, raw pixels, the network without its pretraining."""

from __future__ import annotations

import numpy as np

from headstart.choices import Baselines
from headstart.compute import Compute, silent
from headstart.features.extract import Features, extract
from headstart.predictions import Predictions
from headstart.probe.cross_validate import cross_validate
from headstart.probe.frozen import Frozen, feature_sets
from headstart.probe.trials import Grid
from headstart.stacking import concatenate
from headstart.strategies.problem import FrozenNetwork, Problem
from headstart.tasks import task_of
from headstart.training.schedule import Recipe

__all__ = ["measure_baselines"]

_SIMPLE = Grid(classifiers=("logistic",), logistic=(0.01, 0.1, 1, 10, 100))


def measure_baselines(
    baselines: Baselines,
    problem: Problem,
    network: FrozenNetwork,
    compute: Compute,
    *,
    recipe: Recipe,
    epochs: int | None,
    folds: int,
) -> dict[str, Predictions]:
    """Predicts the test items in ways that any model must beat.

    Args:
        baselines: Which: ``"standard"`` is whoever never looks and raw pixels; ``"full"`` adds the
            same network with random weights, frozen and trained from scratch.
        problem: The items and rounds.
        network: The model's own, frozen.
        compute: Where and from which seed.
        recipe: Of the training from scratch.
        epochs: Of that; None for the recipe's own.
        folds: Inner folds.

    Returns:
        Baseline -> answers to the tested items, in order of item.
    """
    if baselines == "none":
        return {}
    data, dataset = problem.prepared, problem.dataset

    def simple(frozen: Frozen) -> Predictions:
        quiet = compute.with_progress(silent)
        outcome = cross_validate(
            frozen, problem.rounds, problem.clusters, quiet, grid=_SIMPLE, folds=folds
        )
        return problem.answers(outcome)

    pixels = data.stats.thumbnails.reshape(len(dataset), -1)
    named = _who_never_looks(problem)
    named["raw_pixels"] = simple(Frozen(pixels, {"pixels": np.arange(pixels.shape[1])}))
    backbone = network.backbone
    if baselines == "full" and backbone.source.kind != "onnx":
        blank: Features = extract(
            dataset, backbone.randomised(compute.seed), preprocess=network.preprocess,
            device=compute.device, workers=compute.workers, progress=compute.progress,
        )  # fmt: skip
        sets = feature_sets(blank.slices)
        both = Frozen(blank.vectors, {name: sets[name] for name in ("last", "all")})
        named["random_weights"] = simple(both)

        from headstart.strategies.finetuning.finetune import from_scratch  # needs torch

        named["scratch"] = from_scratch(problem, network, recipe, compute, epochs=epochs)
    return named


def _who_never_looks(problem: Problem) -> dict[str, Predictions]:
    """Returns the task's own baselines, round by round."""
    task, dataset = task_of(problem.dataset.task), problem.dataset
    items = np.concatenate([each.test for each in problem.rounds])
    order = np.argsort(items, kind="stable")
    found = [
        task.baselines(dataset.labels, dataset.names, each.train, each.test)
        for each in problem.rounds
    ]
    return {name: concatenate([each[name] for each in found]).take(order) for name in found[0]}
