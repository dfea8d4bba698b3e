"""Which backbone, at which input size: by the cross-validated probe of each."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.compute import Compute
from headstart.features.extract import Features, extract
from headstart.features.transferability import logme
from headstart.images.preprocess import Preprocess
from headstart.nets.pretrained.backbone import Backbone
from headstart.probe.cross_validate import Round
from headstart.probe.frozen import Frozen
from headstart.probe.probe import Labelled, Probe, probe
from headstart.probe.trials import Grid, Trial
from headstart.records import Estimate
from headstart.strategies.problem import FrozenNetwork, Prepared

__all__ = ["Candidate", "Ranked", "at_size", "rank", "sizes_to_try"]

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


@dataclass(frozen=True)
class Ranked:
    """A candidate with what its rank rests on.

    Attributes:
        candidate: For people.
        network: The backbone and how it looks at the images, with its features of the training
            items.
        probe: The best on those.
    """

    candidate: Candidate
    network: FrozenNetwork
    probe: Probe


def rank(
    prepared: Prepared,
    learnt: Round,
    looks: Sequence[tuple[Backbone, Preprocess]],
    compute: Compute,
    *,
    folds: int = 5,
) -> list[Ranked]:
    """Probes every candidate on the same training items.

    Args:
        prepared: Of the training items only.
        learnt: What is learnt of them.
        looks: Backbones, each with the preprocessing to use.
        compute: Where, and from which seed.
        folds: Of the cross-validation.

    Returns:
        The best first.
    """
    found = []
    quiet = Compute(seed=compute.seed)
    for backbone, preprocess in looks:
        begun = time.perf_counter()
        features = extract(
            prepared.dataset, backbone, preprocess=preprocess, device=compute.device,
            workers=compute.workers, progress=compute.progress,
        )  # fmt: skip
        compute.begin(f"trying classifiers on {backbone.name} at {preprocess.size} px")
        frozen = Frozen.of_stages(features.vectors, features.slices)
        ground = Labelled(learnt.targets, prepared.clusters, learnt.n_classes)
        result = probe(frozen, ground, quiet, grid=Grid().thinned(), folds=folds)
        network = FrozenNetwork(backbone, preprocess, 1, frozen)
        evidence = _logme(features, learnt)
        candidate = _candidate(network, result, evidence, time.perf_counter() - begun)
        found.append(Ranked(candidate, network, result))
    return sorted(found, key=lambda each: -each.candidate.score)


def _logme(features: Features, learnt: Round) -> float:
    n = len(features.vectors)
    some = np.linspace(0, n - 1, min(_SOME, n)).astype(int)
    last = features.vectors[some][:, features.slices["last"]]
    return logme(last, learnt.targets[some], n_classes=learnt.n_classes)


def _candidate(network: FrozenNetwork, result: Probe, evidence: float, seconds: float) -> Candidate:
    best, backbone = result.trials[0], network.backbone
    last = [trial for trial in result.trials if trial.config.features == "last"]
    near = [trial for trial in last if trial.config.classifier == "neighbours"]
    weights = backbone.info.parameters
    prior = _PRIOR * math.log10(max(weights, 1) / 1e6) if weights else 0.0
    return Candidate(
        backbone=backbone.name,
        image_size=network.preprocess.size,
        accuracy=best.accuracy,
        neighbours=_best(near),
        features=best.config.features,
        last=_best(last),
        logme=evidence,
        parameters=weights,
        seconds=seconds,
        score=best.accuracy.value + prior,
    )


def _best(trials: list[Trial]) -> float:
    return max((trial.accuracy.value for trial in trials), default=float("nan"))


def at_size(preprocess: Preprocess, size: int) -> Preprocess:
    """Returns the same preprocessing for another size."""
    return replace(preprocess, size=size)
