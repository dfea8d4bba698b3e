"""`Evidence`: what a model answered to images that it had not learnt from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import Numbers
from headstart.data.words import plural
from headstart.errors import OptionError
from headstart.probe.classifiers import Space
from headstart.probe.held_out import Beside, held_out_like
from headstart.records import OutputSpec
from headstart.tasks import told_apart

__all__ = [
    "Earlier",
    "Evidence",
    "bands_of",
    "evidence_of_vectors",
    "halves_said",
    "halves_of",
    "log_odds_of",
    "odds",
    "targets_of",
]

_MOST_BANDS, _PER_BAND = 32, 20  # of each half; images


@dataclass(frozen=True)
class Earlier:
    """Images that a model learnt from.

    Attributes:
        dataset: M of them.
        targets: (M,) int classes, numbered as those of the evidence; -1 for others.
        clusters: (M,) int.
    """

    dataset: Dataset
    targets: np.ndarray
    clusters: np.ndarray


@dataclass(frozen=True)
class Evidence:
    """Held-out answers to N images.

    Attributes:
        dataset: The images.
        kinds: C classes; of a number its two halves.
        targets: (N,) int.
        clusters: (N,) int; what lies in one is one piece of evidence.
        scores: (N, C) log-odds of each class.
        models: (N,) int, which model answered.
        tested: (N,) bool: answered by the run itself, or by its model; else by the classifier
            that stands beside it.
        said: One sentence: who answered what.
        space: Their vectors in principal axes, or None where there are none.
        beside: The classifier of them, each image answered while held out, or None.
        earlier: What the model learnt from, where these are other images.
        data: Where those lie, in full; empty where the images are the run's own.
    """

    dataset: Dataset
    kinds: tuple[str, ...]
    targets: np.ndarray
    clusters: np.ndarray
    scores: np.ndarray
    models: np.ndarray
    tested: np.ndarray
    said: str
    space: Space | None = None
    beside: Beside | None = None
    earlier: Earlier | None = None
    data: str = ""

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def right(self) -> np.ndarray:
        """(N,) bool: answered correctly."""
        return np.asarray(self.scores.argmax(axis=1) == self.targets)


def evidence_of_vectors(
    dataset: Dataset, vectors: np.ndarray, clusters: np.ndarray, *, seed: int = 0
) -> Evidence:
    """Asks the classifier that stands beside a run about labelled images: no run is needed.

    Args:
        dataset: N images, each with a label.
        vectors: (N, d) float32 of a network.
        clusters: (N,) int.
        seed: Of folds.
    """
    targets, kinds = targets_of(dataset)
    present, own = np.unique(targets, return_inverse=True)
    space, beside = held_out_like(None, vectors, own, clusters, seed=seed)
    n = len(own)
    return Evidence(
        dataset, tuple(kinds[each] for each in present), own, clusters, odds(beside.scores),
        beside.folds, np.zeros(n, bool),
        f"the answers of a linear classifier to {plural(n, 'image')}, each while it was held out",
        space, beside,
    )  # fmt: skip


def odds(log_probabilities: np.ndarray) -> np.ndarray:
    """Returns (N, C) log-odds of (N, C) log-probabilities."""
    clipped = np.clip(log_probabilities.astype(float), -30, -1e-12)
    return np.asarray(clipped - np.log(-np.expm1(clipped)))


def halves_of(numbers: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns (N,) int 0 up to the median and 1 above, -1 for NaN, and the median."""
    middle = float(np.nanmedian(numbers))
    upper = (numbers > middle).astype(int)
    if not (upper == 1).any():
        upper = (numbers >= middle).astype(int)
    return np.where(np.isnan(numbers), -1, upper), middle


def bands_of(dataset: Dataset) -> np.ndarray:
    """Returns (N,) int bands within which scores are compared: one of classes, several of numbers.

    Within a half of numbers what follows the number follows the score too, though no model has
    used it; within a narrow band hardly.
    """
    bands = np.zeros(len(dataset), int)
    if not isinstance(dataset.labels, Numbers):
        return bands
    values = dataset.labels.values
    halves, _ = halves_of(values)
    for half in (0, 1):
        own = values[halves == half]
        count = max(1, min(_MOST_BANDS, len(own) // _PER_BAND))
        edges = np.quantile(own, np.arange(1, count) / count) if len(own) else []
        bands[halves == half] = np.searchsorted(edges, own, side="right")
    return bands


def halves_said(dataset: Dataset) -> str:
    """Returns how numbers are asked about; nothing of classes."""
    if not isinstance(dataset.labels, Numbers):
        return ""
    _, middle = halves_of(dataset.labels.values)
    return f"; {dataset.labels.name} is asked about as two classes, up to {middle:g} and above it"


def targets_of(dataset: Dataset) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns (N,) int classes, -1 where not known, and their names; of numbers two halves.

    Raises:
        OptionError: If the task has neither.
    """
    if told_apart(dataset.task) == "classes":
        return dataset.labels.strata, dataset.labels.kinds
    if isinstance(dataset.labels, Numbers):
        halves, middle = halves_of(dataset.labels.values)
        name = dataset.labels.name
        return halves, (f"{name} up to {middle:g}", f"{name} above {middle:g}")
    raise OptionError(
        f"audit asks what tells classes or numbers apart, and this run is of {dataset.task}: "
        f"'headstart evaluate RUN --by COLUMN' tells its gaps between subgroups"
    )


def log_odds_of(
    probabilities: np.ndarray, spec: OutputSpec, kinds: tuple[str, ...], dataset: Dataset
) -> np.ndarray:  # fmt: skip
    """Returns (m, C) log-odds of classes, or of the two halves that a number lies in.

    Args:
        probabilities: (m, S) of a model.
        spec: What its columns mean.
        kinds: C names.
        dataset: Whose labels say where the middle of numbers is.
    """
    p = np.clip(probabilities.astype(float), 1e-12, 1 - 1e-12)
    if isinstance(dataset.labels, Numbers):
        edges = np.asarray(spec.settings["edges"], float)
        _, middle = halves_of(dataset.labels.values)
        width = np.maximum(edges[1:] - edges[:-1], 1e-12)
        below = np.clip((middle - edges[:-1]) / width, 0, 1)
        low = np.clip((p * below).sum(axis=1) / p.sum(axis=1), 1e-12, 1 - 1e-12)
        p = np.stack([low, 1 - low], axis=1)
    elif spec.names != kinds:
        wide = np.full((len(p), len(kinds)), 1e-12)
        wide[:, [kinds.index(name) for name in spec.names]] = p
        p = wide
    return np.asarray(np.log(p) - np.log1p(-p))
