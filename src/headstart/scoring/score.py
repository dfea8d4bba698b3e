"""`score`: everything that is measured on the test items, in the layout of `metrics.json`."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.metrics.calibration import expected_calibration_error, reliability
from headstart.metrics.classification import confusion_matrix, log_loss, measure
from headstart.metrics.interval import cluster_bootstrap, paired_difference
from headstart.records import Estimate, Predictions

__all__ = ["score", "transfer_gain"]

_MISTAKES = 24


def _loss(
    probabilities: np.ndarray, targets: np.ndarray, clusters: np.ndarray | None, seed: int
) -> Estimate:
    losses = log_loss(probabilities, targets)
    return cluster_bootstrap(
        lambda weights: weights @ losses / weights.sum(axis=1),
        clusters,
        n=len(losses),
        bounds=(0.0, np.inf),
        seed=seed,
    )


def score(
    predictions: Predictions,
    *,
    clusters: np.ndarray | None = None,
    uncalibrated: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Scores predictions against their targets.

    Items that could not be read, or whose target is unknown, are left out.

    Args:
        predictions: Probabilities with targets.
        clusters: (N,) cluster of each item (group or near-duplicates), or None when all
            stand alone.
        uncalibrated: (N, C) probabilities before temperature scaling, or None.
        seed: Seed of the bootstrap.

    Returns:
        ``test`` (Estimates), ``per_class``, ``confusion``, ``reliability`` (also
        ``reliability_uncalibrated`` where given) and, most confident first, ``mistakes``;
        ready for `records.to_json`.

    Raises:
        ValueError: If there are no targets, or no item is left, or shapes do not fit.
    """
    if predictions.targets is None:
        raise ValueError("predictions without targets cannot be scored")
    if uncalibrated is not None and uncalibrated.shape != predictions.probabilities.shape:
        raise ValueError(f"uncalibrated must be {predictions.probabilities.shape}")
    kept = np.flatnonzero((predictions.targets >= 0) & (predictions.labels >= 0))
    if not len(kept):
        raise ValueError("no readable item with a known target is left to score")
    probabilities = predictions.probabilities[kept]
    targets = predictions.targets[kept]
    groups = None if clusters is None else np.asarray(clusters)[kept]
    labels, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    correct = labels == targets
    classes = predictions.classes

    measures = measure(probabilities, targets, clusters=groups, seed=seed)
    test = dict(measures.overall)
    test["ece"] = expected_calibration_error(confidences, correct, clusters=groups, seed=seed)
    bins = {"reliability": list(reliability(confidences, correct))}
    if uncalibrated is not None:
        raw = uncalibrated[kept]
        test["log_loss_uncalibrated"] = _loss(raw, targets, groups, seed)
        test["ece_uncalibrated"] = expected_calibration_error(
            raw.max(axis=1), raw.argmax(axis=1) == targets, clusters=groups, seed=seed
        )
        bins["reliability_uncalibrated"] = list(
            reliability(raw.max(axis=1), raw.argmax(axis=1) == targets)
        )
    wrong = np.flatnonzero(~correct)
    wrong = wrong[np.argsort(-confidences[wrong], kind="stable")][:_MISTAKES]
    return {
        "test": test,
        "per_class": [
            {"class": name, "n": m.n, "precision": m.precision, "recall": m.recall, "f1": m.f1}
            for name, m in zip(classes, measures.classes, strict=True)
        ],
        "confusion": {
            "classes": list(classes),
            "counts": confusion_matrix(targets, labels, len(classes)).tolist(),
        },
        **bins,
        "mistakes": [
            {
                "name": predictions.names[kept[i]],
                "truth": classes[targets[i]],
                "predicted": classes[labels[i]],
                "confidence": float(confidences[i]),
            }
            for i in wrong
        ],
    }


def transfer_gain(
    winner_correct: np.ndarray,
    baseline_correct: np.ndarray,
    clusters: np.ndarray | None,
    over: str,
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """Returns how much more accurate the winner is than a baseline on the same items.

    Args:
        winner_correct: (N,) bool, which items the winner classified correctly.
        baseline_correct: (N,) bool, the same items for the baseline.
        clusters: (N,) cluster of each item, or None when all stand alone.
        over: Name of the baseline.
        seed: Seed of the bootstrap.

    Returns:
        ``{"over": name, "gain": Estimate}``, the gain as a difference of accuracies.
    """
    gain = paired_difference(winner_correct, baseline_correct, clusters, seed=seed)
    return {"over": over, "gain": gain}
