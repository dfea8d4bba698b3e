"""`evaluate`: the measures of a run, or of its model on other labelled images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.checks.duplicates import clusters as find_clusters
from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.errors import DataError
from headstart.features.extract import extract
from headstart.images.pixels import Progress, measure, silent
from headstart.metrics.groups import Measure, Subgroups, bands, by_subgroup
from headstart.nets.heads import softmax
from headstart.nets.model import Model
from headstart.options.command import command
from headstart.options.evaluate import EvaluateOptions
from headstart.records import Estimate, Predictions
from headstart.results.files import read_errors
from headstart.run import Run, read_json
from headstart.scoring.numbers import score_numbers
from headstart.scoring.score import score

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True)
class Evaluation:
    """Measures with their intervals.

    Attributes:
        summary: On what they were measured, in one sentence.
        test: Measure -> estimate.
        per_class: One dict per class: class, n, precision, recall, f1.
        confusion: ``{"classes": [...], "counts": [[...]]}``, rows are the truth.
        errors: Image -> reason, of those that could not be read.
        subgroups: Of every column that was asked for.
    """

    summary: str
    test: dict[str, Estimate]
    per_class: list[dict[str, Any]]
    confusion: dict[str, Any]
    errors: dict[str, str]
    subgroups: tuple[Subgroups, ...] = ()

    def __repr__(self) -> str:
        first = "mean_absolute_error" if "mean_absolute_error" in self.test else "accuracy"
        return f"Evaluation({first.replace('_', ' ')} {self.test[first]}; {self.summary!r})"

    def _repr_html_(self) -> str:
        from html import escape

        told = list(self.test.items())
        for each in self.subgroups:
            told += [(f"{each.column}: {name}", one) for name, one in each.values.items()]
        rows = "".join(f"<tr><td>{escape(name)}</td><td>{one}</td></tr>" for name, one in told)
        return f"<table><caption>{escape(self.summary)}</caption>{rows}</table>"


@command(EvaluateOptions)
def evaluate(options: EvaluateOptions, progress: Progress = silent) -> Evaluation:
    """Returns the measures of a run, or measures its model on other labelled images.

    Returns:
        An `Evaluation`. Where the data has a test split, that part of it is measured.

    Raises:
        ModelError: If the run cannot be read.
        DataError: If the data have no labels, classes that the model does not know, or not the
            columns of `by`.
    """
    if options.data is None:
        opened = Run.open(options.run)
        results = opened.results
        return Evaluation(
            summary=results["evaluation"]["summary"],
            test={name: Estimate.from_json(value) for name, value in results["test"].items()},
            per_class=[
                {
                    key: Estimate.from_json(value) if isinstance(value, dict) else value
                    for key, value in row.items()
                }
                for row in results["per_class"]
            ],
            confusion=results["confusion"],
            errors={},
            subgroups=_own_subgroups(opened, options.by, options.seed) if options.by else (),
        )
    model = Model.load(options.run)
    dataset = open_dataset(
        options.data, label=options.label, group=options.group, split=options.split, bins=model.bins
    )
    if not dataset.labelled.any():
        raise DataError(f"{options.data} has no labels to measure against; use 'headstart predict'")
    unknown = sorted(set(dataset.classes) - set(model.classes))
    if unknown:
        raise DataError(
            f"{options.data} has classes that the model does not know ({', '.join(unknown[:5])}); "
            f"it knows {', '.join(model.classes[:10])}"
        )
    chosen = dataset.labelled
    if (dataset.splits == "test").any():
        chosen &= dataset.splits == "test"
    dataset = dataset.take(chosen)
    features = extract(
        dataset, model.backbone, preprocess=model.preprocess, tta=model.tta, device=options.device,
        workers=options.workers, progress=progress,
    )  # fmt: skip
    readable = features.stats.readable
    stats, kept = features.stats.take(readable), dataset.take(readable)
    place = np.array([model.classes.index(name) for name in dataset.classes])
    scores = model.head.scores(features.vectors[readable])
    predictions = Predictions(
        softmax(scores / np.float32(model.temperature)),
        model.classes,
        kept.names,
        place[kept.targets],
        bins=model.bins,
    )
    clusters = find_clusters(stats, kept.groups)
    correct = predictions.labels == predictions.targets
    missed = None
    results = score(
        predictions,
        clusters=clusters,
        uncalibrated=softmax(scores),
        seed=options.seed,
    )
    if kept.values is not None and predictions.numbers is not None:
        found = score_numbers(predictions, kept.values, clusters=clusters, seed=options.seed)
        results["test"] = found["test"] | results["test"]
        missed = np.abs(predictions.numbers[:, 0] - kept.values)
    part = "the test split of " if (kept.splits == "test").all() else ""
    return Evaluation(
        summary=f"Measured on {part}{options.data}: {len(kept)} images.",
        test=results["test"],
        per_class=results["per_class"],
        confusion=results["confusion"],
        errors={dataset.names[i]: reason for i, reason in features.stats.errors.items()},
        subgroups=_subgroups(kept, options.by, correct, missed, clusters, options.seed)
        if options.by
        else (),
    )


def _subgroups(
    dataset: Dataset,
    by: str,
    correct: np.ndarray,
    missed: np.ndarray | None,
    clusters: np.ndarray,
    seed: int,
) -> tuple[Subgroups, ...]:
    """Measures the subgroups of some columns: accuracy, or of a regression, how far off.

    Raises:
        DataError: If a column is not there.
    """
    found = []
    for column in filter(None, (each.strip() for each in by.split(","))):
        if column not in dataset.attributes:
            known = ", ".join(dataset.attributes) or "none: put an attributes.csv beside the images"
            raise DataError(f"--by {column}: the data have no such column; they have {known}")
        values = bands(dataset.attributes[column].astype(str))
        outcome = correct if missed is None else missed
        measure: Measure = "accuracy" if missed is None else "mean absolute error"
        found.append(by_subgroup(column, values, outcome, clusters, measure=measure, seed=seed))
    return tuple(found)


def _own_subgroups(run: Run, by: str, seed: int) -> tuple[Subgroups, ...]:
    """Measures the subgroups of a run's own test, whose columns are read from its data again.

    Raises:
        DataError: If the data are gone, or a column is not there.
    """
    import csv

    options = read_json(run.options)
    dataset = open_dataset(
        options["data"], label=options["label"], group=options["group"], split=options["split"],
        same_classes=False,
    )  # fmt: skip  # its labels are not looked at: they may be numbers, or people
    place = {name: index for index, name in enumerate(dataset.names)}
    with run.predictions.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["name"] in place]
    if not rows:
        raise DataError(f"--by {by}: {options['data']} has none of the run's images any more")
    tested = dataset.take(np.array([place[row["name"]] for row in rows]))
    correct = np.array([row["truth"] == row["predicted"] for row in rows])
    missed = None
    if run.numbers.is_file():
        off = read_errors(run.numbers)
        missed = np.array([off[row["name"]] for row in rows])
    clusters = find_clusters(measure(tested), tested.groups)
    return _subgroups(tested, by, correct, missed, clusters, seed)
