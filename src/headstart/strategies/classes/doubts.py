"""`with_doubts`: a model learns to tell what is unlike its training images, and what else fits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headstart.compute import Compute
from headstart.errors import BackboneError, DataError
from headstart.features.extract import extract
from headstart.metrics.interval import wilson
from headstart.nets.heads.head import softmax
from headstart.nets.heads.unlike import Unlike
from headstart.nets.model import Model
from headstart.probe.cross_validate import CrossValidated
from headstart.probe.familiar import calibrated_unlike
from headstart.records import OutputSpec
from headstart.strategies.problem import Problem
from headstart.tasks import task_of

__all__ = ["HeldScores", "with_doubts"]

_FEWEST = 20  # held-out images: of fewer, one in twenty is nobody
_MOST = 2_000  # images that a fine-tuned network looks at once more


@dataclass(frozen=True)
class HeldScores:
    """What a model answered to training images while it was not learning from them.

    Attributes:
        items: (n,) int which of the N items.
        scores: (n, C).
        temperature: Divides the scores.
    """

    items: np.ndarray
    scores: np.ndarray
    temperature: float

    @property
    def probabilities(self) -> np.ndarray:
        """(n, C) calibrated."""
        return softmax(self.scores / np.float32(self.temperature))


def with_doubts(
    model: Model,
    problem: Problem,
    outcome: CrossValidated,
    vectors: np.ndarray | None,
    held: HeldScores,
    compute: Compute,
) -> tuple[Model, dict[str, Any]]:
    """Calibrates on held-out images what is called unlike, and which classes are possible.

    Args:
        model: Of probe or fine-tuned network.
        problem: N items and rounds.
        outcome: Whose test items say how often both are right.
        vectors: (N, D) that the model's head reads; None where the network itself learnt.
        held: Of the model.
        compute: Where, and from which seed.

    Returns:
        The model, and what is known of its doubts, ready for JSON; empty where there were too few
        images.
    """
    known: dict[str, Any] = {}
    told = getattr(task_of(model.spec.task), "with_sets", None)
    if told is not None and len(held.items) >= _FEWEST:
        spec, by_class = told(
            held.probabilities, problem.final.targets[held.items], problem.final_spec
        )
        model = replace(model, spec=spec)
        known["sets"] = {
            "held_out": len(held.items), "by_class": by_class,
            **_coverage(problem, outcome, spec if vectors is None else None),
        }  # fmt: skip
    slices = model.backbone.info.slices["last"]
    columns = np.arange(slices.start, slices.stop)
    if vectors is not None:
        unlike, share = _of_vectors(problem, vectors, columns, compute.seed)
    else:
        unlike, share = _of_network(model, problem, columns, compute), None
    if unlike is None:
        return model, known
    size = sum(each.nbytes for each in unlike.arrays.values())
    known["unlike"] = {"bytes": size, "tested": share}
    return replace(model, unlike=unlike), known


def _coverage(problem: Problem, outcome: CrossValidated, spec: OutputSpec | None) -> dict[str, Any]:
    """Returns how often sets hold the true class of tested items, and how many classes they have.

    Each round has sets of its own, calibrated on what its probe held out; where the network learnt,
    those of the model are asked.
    """
    told = task_of(problem.dataset.task).with_sets  # type: ignore[attr-defined]
    right, sizes = [], []
    for fold in outcome.folds:
        probe = fold.probe
        own = spec
        if own is None:
            held = HeldScores(probe.chosen_on, probe.held_out, probe.temperature)
            own, _ = told(held.probabilities, fold.round.targets[held.items], problem.final_spec)
        inside = fold.probabilities >= np.asarray(own.settings["floors"])
        truth = fold.round.targets[fold.test]
        right.append(inside[np.arange(len(truth)), truth])
        sizes.append(inside.sum(axis=1))
    hits, n = np.concatenate(right), sum(map(len, right))
    return {
        "tested": wilson(float(hits.sum()), n) if n else None,
        "classes": float(np.concatenate(sizes).mean()) if n else None,
    }


def _of_vectors(
    problem: Problem, vectors: np.ndarray, columns: np.ndarray, seed: int
) -> tuple[Unlike | None, Any]:
    """Returns what tells the distance, and which share of tested images is called unlike."""
    far: list[np.ndarray] = []

    def fitted(each: Any) -> Unlike:
        items = each.train
        return calibrated_unlike(
            vectors[items], each.targets[items], problem.clusters[items], columns, seed=seed
        )

    final = problem.final
    if len(final.train) < _FEWEST or len(np.unique(problem.clusters[final.train])) < 2:
        return None, None
    found = fitted(final)
    for each in problem.rounds:
        own = found if len(problem.rounds) == 1 else fitted(each)
        far.append(own.distances(vectors[each.test]) > 1)
    called = np.concatenate(far)
    return found, wilson(float(called.sum()), len(called)) if len(called) else None


def _of_network(
    model: Model, problem: Problem, columns: np.ndarray, compute: Compute
) -> Unlike | None:
    """Returns what tells the distance in a network that learnt itself: its test images say how far.

    Of cross-validation, whose last network learnt from everything, nothing is told.
    """
    test = problem.rounds[0].test
    if len(problem.rounds) > 1 or len(test) < _FEWEST:
        return None
    rng, train = np.random.default_rng(compute.seed), problem.final.train
    some = [
        np.sort(rng.permutation(each)[:most]) for each, most in ((train, _MOST), (test, _MOST // 2))
    ]
    compute.begin("seeing what is unlike the training images")
    try:
        features = extract(
            problem.dataset.take(np.concatenate(some)), model.backbone,
            preprocess=model.preprocess, tta=model.tta, device=compute.device,
            workers=compute.workers, progress=compute.progress,
        )  # fmt: skip
    except (BackboneError, DataError):
        return None
    cut = len(some[0])
    return calibrated_unlike(
        features.vectors[:cut], problem.final.targets[some[0]], problem.clusters[some[0]],
        columns, others=features.vectors[cut:], seed=compute.seed,
    )  # fmt: skip
