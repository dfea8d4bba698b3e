"""What `train` leaves behind: the files of a run, written once everything is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.data.dataset import Dataset
from headstart.features.extract import Features
from headstart.records import Estimate, Finding
from headstart.results.files import (
    dataset_record,
    environment_record,
    write_json,
    write_mistakes,
    write_predictions,
    write_trials,
)
from headstart.results.histories import write_history, write_preview
from headstart.results.items import Items, write_items
from headstart.results.outputs import write_outputs
from headstart.run import FORMAT, Run
from headstart.scoring.score import Scores, baseline_scores, score, transfer_gain
from headstart.strategies.clock import Clock
from headstart.strategies.trained import Trained
from headstart.tasks import task_of, words_of

__all__ = ["Told", "write_run"]

_BEFORE = ("log_loss", "ece")


@dataclass(frozen=True)
class Told:
    """What is known besides what was trained.

    Attributes:
        options: Of the verb.
        findings: Of the checks of the data.
        features: The frozen ones, of all items.
        names: Of all items, the unreadable ones too.
        clock: How long everything took.
    """

    options: dict[str, Any]
    findings: list[Finding]
    features: Features
    names: tuple[str, ...]
    clock: Clock


def write_run(trained: Trained, told: Told, run: Run) -> None:
    """Writes every file of a run but the report.

    Args:
        trained: What was learnt, and its answers.
        told: What is known besides.
        run: To fill.

    Raises:
        OSError: If the disk refuses.
        OutputError: If the model cannot be written.
    """
    dataset, clock = trained.prepared.dataset, told.clock
    with clock.phase("score"):
        results = run_results(trained, seed=told.options["seed"])
    with clock.phase("write"):
        items = run_items(trained)
        write_json(run.options, told.options)
        write_json(run.dataset, _about(trained, items, told))
        write_json(run.findings, [*trained.findings, *told.findings])
        write_json(run.metrics, results)
        write_trials(run.trials, trained.trials)
        truth = dataset.labels.take(trained.items)
        write_predictions(run.predictions, trained.predictions, truth)
        write_items(run, items)
        write_outputs(run, trained.answered)
        if (done := trained.histories) is not None:
            write_history(run.history, done.epochs, more=done.more)
            write_preview(run.preview, dataset, done.items, done.recipe, trained.model.preprocess)
        trained.model.save(run.model)
        draw = _drawer(trained)
        for key, folder in (("mistakes", run.mistakes), ("examples", run.examples)):
            write_mistakes(dataset, results["details"].get(key) or [], folder, draw)
    seconds = clock.seconds | {"total": clock.total}
    features = told.features
    write_json(run.environment, environment_record(features.engine, features.computed, seconds))


def _drawer(trained: Trained) -> Callable[..., np.ndarray] | None:
    """Returns what draws an answer beside the truth, where the task can."""
    dataset, predictions = trained.prepared.dataset, trained.predictions
    draw = getattr(task_of(dataset.task), "compared", None)
    if draw is None:
        return None
    truth = dataset.labels.take(trained.items)
    place = {name: index for index, name in enumerate(predictions.names)}
    return lambda pixels, name: draw(pixels, predictions, truth, place[name])


def run_results(trained: Trained, *, seed: int) -> dict[str, Any]:
    """Returns the layout of `metrics.json`.

    Args:
        trained: What was learnt, and its answers.
        seed: Of the intervals.
    """
    dataset, items = trained.prepared.dataset, trained.items
    task, labels, clusters = dataset.task, dataset.labels.take(items), trained.clusters[items]
    found = score(task, trained.predictions, labels, clusters=clusters, seed=seed)
    before = None
    if trained.uncalibrated is not None:
        before = score(task, trained.uncalibrated, labels, clusters=clusters, seed=seed)
    details = dict(found.details)
    if before is not None and "reliability" in before.details:
        details["reliability_uncalibrated"] = before.details["reliability"]
    gain = transfer_gain(
        task, trained.predictions, trained.baselines, labels, clusters=clusters, seed=seed
    )
    return {
        "format": FORMAT,
        "task": task,
        "primary": found.primary,
        "words": words_of(task),
        "test": found.measures,
        "details": details,
        "evaluation": {"kind": trained.evaluation[0], "summary": trained.evaluation[1]},
        "baselines": baseline_scores(task, trained.baselines, labels, clusters=clusters, seed=seed),
        "transfer_gain": gain,
        "calibration": {
            "temperature": trained.model.temperature,
            "before": _calibration(before),
            "after": _calibration(found),
        },
        "model": {"summary": trained.summary},
        **trained.sections,
    }


def _calibration(scores: Scores | None) -> dict[str, Estimate]:
    """Returns what temperature scaling changes, of the measures that the task has."""
    measures = scores.measures if scores is not None else {}
    return {name: measures[name] for name in _BEFORE if name in measures}


def run_items(trained: Trained) -> Items:
    """Returns the rows of `items.csv`."""
    dataset = trained.prepared.dataset
    folds = np.zeros(len(dataset), int)
    for number, (items, _, _) in enumerate(trained.answered, 1):
        folds[items] = number
    splits = np.where(folds > 0, "test", np.where(trained.dropped, "dropped", "train"))
    if trained.aside is not None:
        splits[trained.aside] = "val"
    keys = trained.prepared.stats.keys
    prints = tuple(bytes(key).hex() for key in np.ascontiguousarray(keys).view("V16").ravel())
    return Items(dataset, splits, folds, trained.clusters, prints)


def _about(trained: Trained, items: Items, told: Told) -> dict[str, Any]:
    """Returns the layout of `dataset.json`."""
    dataset: Dataset = trained.prepared.dataset
    parts = {"train": items.trained & ~trained.dropped, "test": items.tested}
    if trained.aside is not None:
        chose = items.splits == "val"
        parts = {"train": parts["train"], "val": chose, "test": parts["test"]}
    return dataset_record(
        dataset, parts, dropped=trained.dropped, stats=told.features.stats, all_names=told.names
    )
