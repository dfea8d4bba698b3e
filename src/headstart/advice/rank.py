"""Which backbone, at which input size: by the cross-validated probe of each."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.choices import Device
from headstart.data.dataset import Dataset
from headstart.features.extract import Features, extract
from headstart.features.transferability import logme
from headstart.images.pixels import Progress, silent
from headstart.images.preprocess import Preprocess
from headstart.nets.backbone import Backbone
from headstart.probe.probe import Grid, Probe, Trial, feature_sets, probe
from headstart.records import Estimate

__all__ = ["Candidate", "rank", "sizes_to_try"]

# LogME needs a decomposition; a draw of so many items serves to compare.
_SOME = 2_000
# What ten times the weights are worth where measured accuracies are alike: larger networks
# transfer better than small samples can show (a list by size alone reaches a rank correlation
# of 0.91 on the usual benchmark).
_PRIOR = 0.01
_SMALL = 128


@dataclass(frozen=True)
class Candidate:
    """One backbone at one input size.

    Attributes:
        backbone: Its name.
        image_size: Side in pixels.
        accuracy: Of the best frozen probe, cross-validated on training items.
        neighbours: Of nearest neighbours on the last layer, likewise; NaN if not tried.
        features: Which feature set won.
        last: Accuracy of the best probe on the last layer alone.
        logme: Of the last layer.
        parameters: Number of weights.
        seconds: To embed and probe.
        score: What the rank is by: accuracy, and a prior for size.
    """

    backbone: str
    image_size: int
    accuracy: Estimate
    neighbours: float
    features: str
    last: float
    logme: float
    parameters: int
    seconds: float
    score: float


def sizes_to_try(backbone: Backbone, chosen: Preprocess) -> list[int]:
    """Returns input sizes: the chosen one, the network's own, and a small one.

    Small images are often better not enlarged to the size of the pretraining, and cost less.
    """
    if not backbone.takes_any_size():
        return [chosen.size]
    own = backbone.preprocess.size
    return sorted({chosen.size, own, *([_SMALL] if own > _SMALL else [])})


def rank(
    dataset: Dataset,
    clusters: np.ndarray,
    items: np.ndarray,
    backbones: Sequence[tuple[Backbone, Preprocess]],
    *,
    folds: int = 5,
    seed: int = 0,
    device: Device = "auto",
    workers: int | None = None,
    progress: Progress = silent,
) -> list[tuple[Candidate, Features, Probe]]:
    """Probes every candidate on the same training items.

    Args:
        dataset: N readable, labelled items.
        clusters: (N,) int.
        items: (M,) int training items.
        backbones: Each with the preprocessing to use.
        folds: Of the cross-validation.
        seed: Of the folds.
        device: Where the networks run.
        workers: Decoding threads.
        progress: Called as images are embedded.

    Returns:
        (candidate, features of all items, probe), the best first.
    """
    found = []
    own = dataset.take(items)
    for backbone, preprocess in backbones:
        begun = time.perf_counter()
        features = extract(
            own, backbone, preprocess=preprocess, device=device, workers=workers,
            progress=progress,
        )  # fmt: skip
        sets = feature_sets(features.slices)
        result = probe(
            features.vectors, sets, own.targets, clusters[items],
            n_classes=len(dataset.classes), grid=Grid().thinned(), folds=folds, seed=seed,
        )  # fmt: skip
        found.append(
            (_candidate(backbone, preprocess, own, features, result, begun), features, result)
        )
    return sorted(found, key=lambda each: -each[0].score)


def _candidate(
    backbone: Backbone,
    preprocess: Preprocess,
    dataset: Dataset,
    features: Features,
    result: Probe,
    begun: float,
) -> Candidate:
    best = result.trials[0]
    last = [trial for trial in result.trials if trial.config.features == "last"]
    near = [trial for trial in last if trial.config.classifier == "neighbours"]
    some = np.linspace(0, len(dataset) - 1, min(_SOME, len(dataset))).astype(int)
    evidence = logme(
        features.vectors[some][:, features.slices["last"]], dataset.targets[some],
        n_classes=len(dataset.classes),
    )  # fmt: skip
    weights = backbone.info.parameters
    prior = _PRIOR * math.log10(max(weights, 1) / 1e6) if weights else 0.0
    return Candidate(
        backbone=backbone.name,
        image_size=preprocess.size,
        accuracy=best.accuracy,
        neighbours=_best(near),
        features=best.config.features,
        last=_best(last),
        logme=evidence,
        parameters=weights,
        seconds=time.perf_counter() - begun,
        score=best.accuracy.value + prior,
    )


def _best(trials: list[Trial]) -> float:
    return max((trial.accuracy.value for trial in trials), default=float("nan"))


def at_size(preprocess: Preprocess, size: int) -> Preprocess:
    """Returns the same preprocessing for another size."""
    return replace(preprocess, size=size)
