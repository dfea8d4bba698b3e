"""`evidence_of_data`: what a run's model answers to other labelled images."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from headstart.auditing.evidence import Earlier, Evidence, halves_said, log_odds_of, targets_of
from headstart.checks.duplicates import clusters as find_clusters
from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.splits.split import folds as make_folds
from headstart.data.words import plural
from headstart.errors import DataError
from headstart.features.extract import extract
from headstart.nets.model import Model
from headstart.probe.classifiers import make_space
from headstart.probe.ensemble import log_probabilities
from headstart.probe.held_out import Beside
from headstart.results.items import read_items
from headstart.run import Run
from headstart.tasks import task_of, told_apart

__all__ = ["evidence_of_data"]


def evidence_of_data(
    run: Run, model: Model, dataset: Dataset, name: str, compute: Compute
) -> Evidence:
    """Asks a model about labelled images that it did not learn from.

    Args:
        run: Whose model it is.
        model: Of the run.
        dataset: With labels of its task.
        name: Of the data, for people.
        compute: Where, and from which seed.

    Raises:
        DataError: If nothing has a label, or a label is unknown to the model.
        OptionError: If its task has no classes to be told apart.
    """
    if not dataset.labelled.any():
        raise DataError(f"{name} has no labels to audit against")
    task_of(model.spec.task).encode(dataset.labels, np.flatnonzero(dataset.labelled), model.spec)
    dataset = dataset.take(dataset.labelled)
    features = extract(
        dataset, model.backbone, preprocess=model.preprocess, tta=model.tta, device=compute.device,
        workers=compute.workers, progress=compute.progress,
    )  # fmt: skip
    readable = features.stats.readable
    dataset, stats = dataset.take(readable), features.stats.take(readable)
    vectors = features.vectors[readable]
    targets, names = targets_of(dataset)
    if told_apart(dataset.task) == "classes":  # in the terms of the model
        targets = task_of(dataset.task).encode(dataset.labels, targets, model.spec).classes
        names = model.spec.names
    scores = log_odds_of(model.outputs(vectors)["probabilities"], model.spec, names, dataset)
    clusters = find_clusters(stats, dataset.groups)
    n = len(targets)
    present, own = np.unique(targets, return_inverse=True)
    if len(present) < 2:
        raise DataError(f"{name} has images of one class only: audit compares two or more")
    return Evidence(
        dataset, tuple(names[each] for each in present), own.reshape(-1), clusters,
        scores[:, present], np.zeros(n, int), np.ones(n, bool),
        f"the model's answers to {plural(n, 'image')} of {name}{halves_said(dataset)}",
        make_space(vectors, model.vector_head.columns),
        _beside(model, vectors, present, own.reshape(-1), clusters),
        earlier=_earlier(run, tuple(names[each] for each in present)),
        data=str(Path(name).absolute()),
    )  # fmt: skip


def _earlier(run: Run, kinds: tuple[str, ...]) -> Earlier | None:
    """Returns what the run learnt from, classes numbered as `kinds` are."""
    items = read_items(run)
    kept = items.trained & (items.splits != "dropped")
    dataset = items.dataset.take(kept)
    if told_apart(dataset.task) != "classes":
        return None
    texts = [dataset.labels.text(i) for i in range(len(dataset))]
    numbers = {kind: number for number, kind in enumerate(kinds)}
    targets = np.array([numbers.get(each, -1) for each in texts], int)
    return Earlier(dataset, targets, items.clusters[kept]) if (targets >= 0).any() else None


def _beside(
    model: Model, vectors: np.ndarray, present: np.ndarray, own: np.ndarray, clusters: np.ndarray
) -> Beside | None:
    """Returns the model itself as what stands beside; None of numbers."""
    if told_apart(model.spec.task) != "classes":
        return None
    columns = model.vector_head.columns
    head = dataclasses.replace(model.vector_head, columns=np.arange(len(columns)))
    x = vectors[:, columns]
    coordinates = np.hstack([x, np.ones((len(x), 1), np.float32)])

    def answer(moved: np.ndarray, fold: int) -> np.ndarray:
        return head.scores(moved[:, :-1])[:, present]

    count = max(2, min(5, len(np.unique(clusters))))
    folds = make_folds(own, clusters, k=count)  # of the direction alone: the model is one
    return Beside(log_probabilities(answer(coordinates, 0)), folds, coordinates, answer, 0.0, 0.0)
