"""Classification: one class for each image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from headstart.checks.sequences import check_sequences
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.errors import DataError
from headstart.images.stats import ImageStats
from headstart.lists import some_of
from headstart.metrics.calibration import calibration_error, reliability
from headstart.metrics.classification import class_statistics, confusion_matrix, measure_classes
from headstart.metrics.conformal import possible_classes, set_floors
from headstart.metrics.statistic import Measure, Statistic
from headstart.predictions import ClassProbabilities, Identities
from headstart.records import Finding, OutputSpec
from headstart.tasks.classification.checks import check_classes
from headstart.tasks.drawing import write_on
from headstart.tasks.protocol import Outputs, Places, Target

__all__ = [
    "MEASURES",
    "PRIMARY",
    "TOLD_APART",
    "baselines",
    "check",
    "decode",
    "details",
    "draw",
    "encode",
    "measures",
    "with_sets",
]

TOLD_APART = "classes"
PRIMARY = Measure("accuracy", "accuracy", meaning="share of images classified correctly")
MEASURES = (
    PRIMARY,
    Measure(
        "balanced_accuracy", "balanced accuracy", meaning="the same, every class counting alike"
    ),
    Measure("macro_f1", "macro F1", meaning="harmonic mean of precision and recall, over classes"),
    Measure(
        "auroc", "AUROC", unit="plain", meaning="how well the probabilities rank; 0.5 is chance"
    ),
    Measure("log_loss", "log-loss", False, "plain", "cost of confident mistakes; lower is better"),
    Measure(
        "ece",
        "calibration error",
        False,
        meaning="typical distance of confidence from accuracy, beyond chance",
    ),
)

_MISTAKES = 24


def check(dataset: Dataset, stats: ImageStats, clusters: np.ndarray) -> Iterator[Finding]:
    """Yields what classes can have wrong: too few images, twins, frames of one film, and more."""
    yield from check_classes(dataset, clusters)
    yield from check_sequences(dataset, stats)


def encode(labels: Classes, train: np.ndarray, spec: OutputSpec | None = None) -> Target:
    """Returns the classes themselves; nothing is fitted to them.

    Raises:
        DataError: If a class is not among those of `spec`.
    """
    if spec is None:
        return Target(labels.targets, OutputSpec("classification", labels.names))
    return Target(in_terms_of(spec.names, labels), spec)


def decode(outputs: Outputs, spec: OutputSpec, places: Places) -> ClassProbabilities:
    """Names the (N, C) calibrated ``probabilities`` of a network, and what else it tells.

    That is ``unlike``, and ``possible``, which the spec's floors tell where the network does not.
    """
    probabilities, floors = outputs["probabilities"], spec.settings.get("floors")
    possible = outputs.get("possible")
    if possible is None and floors is not None:
        possible = possible_classes(probabilities, np.asarray(floors, float))
    return ClassProbabilities(
        places.names, spec.names, probabilities, dict(places.errors), places.boxes,
        places.threshold, unlike=outputs.get("unlike"),
        possible=None if possible is None else possible.astype(bool),
    )  # fmt: skip


def with_sets(
    probabilities: np.ndarray, targets: np.ndarray, spec: OutputSpec
) -> tuple[OutputSpec, int]:
    """Returns a spec that tells which classes are possible, and for how many by their own images.

    Args:
        probabilities: (N, C) of held-out images.
        targets: (N,) int true columns.
        spec: Of the model.
    """
    floors, own = set_floors(probabilities, targets)
    settings = spec.settings | {"floors": [round(each, 6) for each in floors.tolist()]}
    return OutputSpec(spec.task, spec.names, settings), int(own.sum())


def measures(predictions: ClassProbabilities, labels: Classes) -> dict[str, Statistic]:
    """Returns accuracy, balanced accuracy, macro F1, AUROC, log-loss and calibration error.

    Args:
        predictions: Of N items, all answered.
        labels: Of the same, all known.
    """
    probabilities, targets = predictions.probabilities, in_terms_of(predictions.classes, labels)
    right = predictions.labels == targets
    return {
        **class_statistics(probabilities, targets, predictions.models),
        "ece": calibration_error(predictions.confidences, right),
    }


def details(
    predictions: ClassProbabilities, labels: Classes, clusters: np.ndarray | None, seed: int
) -> dict[str, Any]:
    """Returns ``per_class``, ``confusion``, ``reliability`` and ``mistakes``, surest first."""
    targets = in_terms_of(predictions.classes, labels)
    found, confidences, classes = predictions.labels, predictions.confidences, predictions.classes
    per_class = measure_classes(
        found, targets, len(classes), clusters=clusters, models=predictions.models, seed=seed
    )
    return {
        "per_class": [
            {"class": name, "n": m.n, "precision": m.precision, "recall": m.recall, "f1": m.f1}
            for name, m in zip(classes, per_class, strict=True)
        ],
        "confusion": {
            "classes": list(classes),
            "counts": confusion_matrix(targets, found, len(classes)).tolist(),
        },
        "reliability": list(reliability(confidences, found == targets)),
        "mistakes": surest_mistakes(predictions, classes, targets),
    }


def baselines(
    labels: Classes, names: tuple[str, ...], train: np.ndarray, test: np.ndarray
) -> dict[str, ClassProbabilities]:
    """Returns the most frequent class of the training items for every test item."""
    counts = np.bincount(labels.targets[train], minlength=len(labels.names))
    certain = np.zeros((len(test), len(labels.names)), np.float32)
    certain[:, counts.argmax()] = 1
    return {"majority": ClassProbabilities(tuple(names[i] for i in test), labels.names, certain)}


def draw(pixels: np.ndarray, predictions: ClassProbabilities, index: int) -> np.ndarray:
    """Returns (H, W, 3) uint8 with the class and its probability written on the image."""
    return write_on(pixels, predictions.text(index))


def surest_mistakes(
    predictions: ClassProbabilities | Identities, names: tuple[str, ...], truth: np.ndarray
) -> list[dict[str, Any]]:
    """Returns name, truth, prediction and confidence of the wrong answers given most surely.

    Args:
        predictions: Of N items, all answered.
        names: C names of the columns of their probabilities.
        truth: (N,) int true columns.
    """
    found, confidences = predictions.labels, predictions.probabilities.max(axis=1)
    wrong = np.flatnonzero(found != truth)
    wrong = wrong[np.argsort(-confidences[wrong], kind="stable")][:_MISTAKES]
    return [
        {
            "name": predictions.names[i],
            "truth": names[truth[i]],
            "predicted": names[found[i]],
            "confidence": float(confidences[i]),
        }
        for i in wrong
    ]


def in_terms_of(names: tuple[str, ...], labels: Classes) -> np.ndarray:
    """Returns (N,) int64 classes as places in some names; -1 where unknown.

    Args:
        names: C class names of a model.
        labels: Of the data.

    Raises:
        DataError: If an item has a class that is not among the names.
    """
    place = {name: index for index, name in enumerate(names)}
    present = np.unique(labels.targets[labels.known])
    unknown = [labels.names[k] for k in present if labels.names[k] not in place]
    if unknown:
        raise DataError(
            f"the data have classes that the model does not know ({some_of(unknown)}); "
            f"it knows {some_of(names, 10)}"
        )
    order = np.array([place.get(name, -1) for name in labels.names] + [-1], np.int64)
    return order[labels.targets]
