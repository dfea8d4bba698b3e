"""Identity: whom an image shows, among people or things that training never saw.

Labels are `Classes` whose names are identities. What is learnt is an embedding; a model answers by
the nearest of the identities that are enrolled in it, and is measured on identities held out
entirely, each image enrolled by the others of its identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.images.stats import ImageStats
from headstart.metrics.calibration import calibration_error, reliability
from headstart.metrics.classification import log_loss
from headstart.metrics.statistic import Measure, Statistic, mean, proportion
from headstart.predictions import Identities
from headstart.records import Finding, OutputSpec
from headstart.tasks.classification import in_terms_of, surest_mistakes
from headstart.tasks.drawing import write_on
from headstart.tasks.identity.split import both_sides
from headstart.tasks.protocol import Outputs, Places, Target

__all__ = [
    "MEASURES",
    "PRIMARY",
    "baselines",
    "check",
    "decode",
    "details",
    "draw",
    "encode",
    "measures",
]

PRIMARY = Measure(
    "rank_1", "rank-1 identification rate",
    meaning="share of images whose nearest enrolled identity is the right one",
)  # fmt: skip
MEASURES = (
    PRIMARY,
    Measure("log_loss", "log-loss", False, "plain", "cost of confident mistakes; lower is better"),
    Measure(
        "ece",
        "calibration error",
        False,
        meaning="typical distance of confidence from accuracy, beyond chance",
    ),
)


def check(dataset: Dataset, stats: ImageStats, clusters: np.ndarray) -> Iterator[Finding]:
    """Yields identities with a single image, and a split that has the same ones on both sides."""
    labels = dataset.labels
    assert isinstance(labels, Classes), "identities are classes"
    seen = np.unique(np.stack([labels.targets, clusters])[:, labels.known], axis=1)
    distinct = np.bincount(seen[0], minlength=len(labels.names))
    single = np.flatnonzero(distinct == 1)
    if len(single):
        yield Finding(
            "identities_of_one", "warning",
            f"{len(single):,} of {len(labels.names):,} identities have a single image (copies not "
            f"counted).",
            tuple(labels.names[k] for k in single[:24].tolist()),
            "They can be taken for others, but not be known again: give them a second image.",
            len(single),
        )  # fmt: skip
    shared = both_sides(labels.targets[labels.known], dataset.splits[labels.known])
    if len(shared):
        yield Finding(
            "same_identities_on_both_sides", "warning",
            f"The data's split has {len(shared):,} identities both in training and in test.",
            tuple(labels.names[k] for k in shared[:24].tolist()),
            "Training holds identities out anew; to use a split of your own, put all images of "
            "one on one side of it.", len(shared),
        )  # fmt: skip


def encode(labels: Classes, train: np.ndarray, spec: OutputSpec | None = None) -> Target:
    """Returns the identities themselves; nothing is fitted to them.

    Raises:
        DataError: If an identity is not among those of `spec`.
    """
    if spec is None:
        return Target(labels.targets, OutputSpec("identity", labels.names))
    return Target(in_terms_of(spec.names, labels), spec)


def decode(outputs: Outputs, spec: OutputSpec, places: Places) -> Identities:
    """Names the (N, K) calibrated ``probabilities`` of the enrolled identities."""
    return Identities(
        places.names, spec.names, outputs["probabilities"], dict(places.errors), places.boxes,
        places.threshold,
    )  # fmt: skip


def measures(predictions: Identities, labels: Classes) -> dict[str, Statistic]:
    """Returns the rank-1 identification rate, log-loss and calibration error."""
    truth = in_terms_of(predictions.identities, labels)
    right = predictions.labels == truth
    confidences = predictions.probabilities.max(axis=1)
    return {
        "rank_1": proportion(right),
        "log_loss": mean(log_loss(predictions.probabilities, truth)),
        "ece": calibration_error(confidences, right),
    }


def details(
    predictions: Identities, labels: Classes, clusters: np.ndarray | None, seed: int
) -> dict[str, Any]:
    """Returns ``reliability`` and ``mistakes``, surest first."""
    truth = in_terms_of(predictions.identities, labels)
    confidences = predictions.probabilities.max(axis=1)
    return {
        "reliability": list(reliability(confidences, predictions.labels == truth)),
        "mistakes": surest_mistakes(predictions, predictions.identities, truth),
    }


def baselines(
    labels: Classes, names: tuple[str, ...], train: np.ndarray, test: np.ndarray
) -> dict[str, Identities]:
    """Returns the same chance for every identity of the test items, for each of them."""
    known = np.unique(labels.targets[test])
    identities = tuple(labels.names[k] for k in known)
    even = np.full((len(test), len(known)), 1 / max(len(known), 1), np.float32)
    return {"chance": Identities(tuple(names[i] for i in test), identities, even)}


def draw(pixels: np.ndarray, predictions: Identities, index: int) -> np.ndarray:
    """Returns (H, W, 3) uint8 with the identity written on the image."""
    return write_on(pixels, predictions.text(index))
