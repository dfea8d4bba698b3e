"""What a trained model must beat: the majority, raw pixels, the network without its pretraining."""

from __future__ import annotations

import numpy as np

from headstart.choices import Baselines, Device
from headstart.features.extract import Features, extract
from headstart.images.pixels import Progress
from headstart.images.preprocess import Preprocess
from headstart.nets.backbone import Backbone
from headstart.probe.cross_validate import CrossValidated, cross_validate
from headstart.probe.probe import Grid, feature_sets
from headstart.strategies.prepare import Prepared
from headstart.training.schedule import Recipe

__all__ = ["measure_baselines"]


_SIMPLE = Grid(classifiers=("logistic",), logistic=(0.01, 0.1, 1, 10, 100))


def measure_baselines(
    baselines: Baselines,
    data: Prepared,
    rounds: list[tuple[np.ndarray, np.ndarray]],
    network: Backbone,
    preprocess: Preprocess,
    vectors: np.ndarray,
    sets: dict[str, np.ndarray],
    recipe: Recipe,
    *,
    epochs: int | None,
    folds: int,
    seed: int,
    device: Device,
    workers: int | None,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Predicts the test items in ways that any model must beat.

    Args:
        baselines: Which: ``"standard"`` is the majority class and raw pixels; ``"full"`` adds the
            same network with random weights, frozen and trained from scratch.
        data: The items.
        rounds: (training items, test items) each.
        network: The model's own backbone.
        preprocess: Of the model.
        vectors: (N, D) of the model's backbone.
        sets: Feature sets of `vectors`.
        recipe: Of the training from scratch.
        epochs: Of that; None for the recipe's own.
        folds: Inner folds.
        seed: Of everything drawn.
        device: Where networks run.
        workers: Decoding threads.
        progress: Called as work goes on.

    Returns:
        Baseline -> (M,) predicted classes of the test items, in order of item.
    """
    if baselines == "none":
        return {}
    y, n_classes = data.dataset.targets, len(data.dataset.classes)

    def simple(vectors: np.ndarray, sets: dict[str, np.ndarray]) -> CrossValidated:
        return cross_validate(
            vectors, sets, y, data.clusters, rounds,
            n_classes=n_classes, grid=_SIMPLE, folds=folds, seed=seed, final=False,
        )  # fmt: skip

    order = np.argsort(np.concatenate([test for _, test in rounds]), kind="stable")
    common = [np.full(len(test), np.bincount(y[part]).argmax()) for part, test in rounds]
    pixels = data.stats.thumbnails.reshape(len(y), -1)
    named = {
        "majority": np.concatenate(common)[order],
        "raw_pixels": simple(pixels, {"pixels": np.arange(pixels.shape[1])}).labels,
    }
    if baselines == "full" and network.source.kind != "onnx":
        blank: Features = extract(
            data.dataset, network.randomised(seed), preprocess=preprocess, device=device,
            workers=workers, progress=progress,
        )  # fmt: skip
        both = {name: feature_sets(blank.slices)[name] for name in ("last", "all")}
        named["random_weights"] = simple(blank.vectors, both).labels
        from headstart.strategies.finetune import from_scratch

        scratch = from_scratch(
            data, vectors, sets, rounds, network, recipe,
            preprocess=preprocess, epochs=epochs, seed=seed, device=device, workers=workers,
            progress=progress,
        )  # fmt: skip
        named["scratch"] = scratch[order]
    return named
