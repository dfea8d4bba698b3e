"""`Evaluation`: the measures of a run, or of its model on other images, by subgroup too."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headstart.checks.duplicates import clusters as find_clusters
from headstart.checks.shortcuts import measurable
from headstart.checks.skill import category_skill
from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.tables.ordered import places_of
from headstart.errors import DataError
from headstart.features.extract import extract
from headstart.images.pixels import measure
from headstart.images.stats import ImageStats
from headstart.metrics.groups import Subgroups, bands, by_subgroup
from headstart.nets.model import Model
from headstart.predictions import Predictions
from headstart.records import Estimate
from headstart.results.items import read_items
from headstart.results.outputs import read_predictions
from headstart.run import Run
from headstart.scoring.run_predictor import RunPredictor
from headstart.scoring.score import measured, score
from headstart.tasks import decode, task_of, words_of
from headstart.tasks.predictor import Predictor, numbers_only
from headstart.tasks.protocol import Places

# From so many images on it pays to convert a network that gives maps.
_MANY = 12
_UNEVEN = 0.1  # how surely a column tells the class, from guessing to certainty, as in `checks`

__all__ = ["Evaluation", "evaluate_on", "evaluation_of_run", "uneven_columns"]


@dataclass(frozen=True)
class Evaluation:
    """Measures with their intervals.

    Attributes:
        summary: On what they were measured, in one sentence.
        task: Whose measures they are.
        primary: Key of the one that decides.
        test: Measure -> estimate.
        details: Of the task: per class, confusion, mistakes.
        errors: Image -> reason, of those that could not be read.
        subgroups: Of every column that was asked for.
        notes: What the subgroups cannot tell, in sentences.
    """

    summary: str
    task: str
    primary: str
    test: dict[str, Estimate]
    details: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)
    subgroups: tuple[Subgroups, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        what = words_of(self.task).get(self.primary, self.primary)
        return f"Evaluation({what} {self.test[self.primary]}; {self.summary!r})"

    def _repr_html_(self) -> str:
        from html import escape

        words = words_of(self.task)
        shown = [(words.get(name, name), each) for name, each in self.test.items()]
        for each in self.subgroups:
            shown += [(f"{each.column}: {name}", one) for name, one in each.values.items()]
        rows = "".join(f"<tr><td>{escape(name)}</td><td>{one}</td></tr>" for name, one in shown)
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f"<table><caption>{escape(self.summary)}</caption>{rows}</table>{notes}"


def evaluation_of_run(run: Run, by: Sequence[str], *, seed: int) -> Evaluation:
    """Returns the measures of a run as they were taken, and by subgroups of its test items.

    Args:
        run: A finished one; its images need not be there any more.
        by: Columns of its data.
        seed: Of the intervals of subgroups.

    Raises:
        ModelError: If the run cannot be read.
        DataError: If a column is not there.
    """
    results = run.results
    subgroups: tuple[Subgroups, ...] = ()
    notes: tuple[str, ...] = ()
    if by:
        items = read_items(run)
        tested, predictions = read_predictions(run, items)
        own, clusters = items.dataset.take(tested), items.clusters[tested]
        subgroups = _subgroups(own, predictions, clusters, by, seed)
        notes = uneven_columns(own, clusters, by)
    return Evaluation(
        summary=results["evaluation"]["summary"],
        task=results["task"],
        primary=results["primary"],
        test={name: Estimate.from_json(value) for name, value in results["test"].items()},
        details=_estimates(results["details"]),
        subgroups=subgroups,
        notes=notes,
    )


def evaluate_on(
    model: Model | Predictor,
    dataset: Dataset,
    name: str,
    by: Sequence[str],
    compute: Compute,
    *,
    learnt: frozenset[str] = frozenset(),
) -> Evaluation:
    """Measures a model on labelled images; on their test part where they bring one along.

    Args:
        model: Of a run, or what predicts by an exported one.
        dataset: With labels of the model's task.
        name: Of the data, for people.
        by: Columns.
        compute: Where, and from which seed.
        learnt: Fingerprints of the images that the model was trained on, where they are known.

    Raises:
        DataError: If nothing has a label, a label is unknown to the model, or a column is missing.
    """
    if not dataset.labelled.any():
        raise DataError(f"{name} has no labels to measure against; use 'headstart predict'")
    # Labels that the model cannot give are refused before anything is computed.
    task_of(model.spec.task).encode(dataset.labels, np.flatnonzero(dataset.labelled), model.spec)
    tested = dataset.tested()
    part = f"the {dataset.test_name} split of " if tested.any() else ""
    dataset = dataset.take(dataset.labelled & tested if tested.any() else dataset.labelled)
    predictions, every = _answers(model, dataset, compute)
    compute.begin("measuring")
    kept, stats = dataset.take(every.readable), every.take(every.readable)
    clusters = find_clusters(stats, kept.groups)
    found = score(model.spec.task, predictions, kept.labels, clusters=clusters, seed=compute.seed)
    return Evaluation(
        summary=f"Measured on {part}{name}: {len(kept)} images." + _known_before(stats, learnt),
        task=found.task,
        primary=found.primary,
        test=found.measures,
        details=found.details,
        errors={dataset.names[i]: reason for i, reason in every.errors.items()},
        subgroups=_subgroups(kept, predictions, clusters, by, compute.seed) if by else (),
        notes=uneven_columns(kept, clusters, by),
    )


def _known_before(stats: ImageStats, learnt: frozenset[str]) -> str:
    """Returns what to say where the model was trained on some of the very images."""
    count = sum(each.tobytes().hex() in learnt for each in stats.keys)
    if not count:
        return ""
    which = "all" if count == len(stats.keys) else f"{count:,}"
    return f" The model was trained on {which} of them, and looks better on these than it is."


def _answers(
    model: Model | Predictor, dataset: Dataset, compute: Compute
) -> tuple[Predictions, ImageStats]:
    """Returns the answers to the items that can be used, and the facts of all."""
    if isinstance(model, Model) and model.head.answers_with_place:
        model = RunPredictor(model, device=compute.device, many=len(dataset) >= _MANY)
    if isinstance(model, Predictor):
        paths = [dataset.path(row) for row in range(len(dataset))]
        found: Any = model.predictions(paths, workers=compute.workers, progress=compute.progress)
        stats = measure(dataset, workers=compute.workers, progress=compute.progress)
        return _only_answered(found, dataset, np.arange(len(dataset)), stats)
    features = extract(
        dataset, model.backbone, preprocess=model.preprocess, tta=model.tta,
        device=compute.device, workers=compute.workers, progress=compute.progress,
    )  # fmt: skip
    readable = features.stats.readable
    names = dataset.take(readable).names
    outputs, errors = numbers_only(model.outputs(features.vectors[readable]), names, {})
    found = decode(outputs, model.spec, Places(names, errors))
    return _only_answered(found, dataset, np.flatnonzero(readable), features.stats)


def _only_answered(
    found: Any, dataset: Dataset, rows: np.ndarray, stats: ImageStats
) -> tuple[Predictions, ImageStats]:
    """Leaves out what there is no answer to: one without a face, or that gave no number.

    Args:
        found: Answers to some items.
        dataset: N items.
        rows: Which those are.
        stats: Of all; what has no answer is among its errors from then on.
    """
    for at in np.flatnonzero(~found.answered).tolist():
        stats.errors.setdefault(int(rows[at]), found.errors[found.names[at]])
    kept = stats.readable[rows]
    names = dataset.take(rows[kept]).names
    return dataclasses.replace(found.take(kept), names=names), stats


def _subgroups(
    dataset: Dataset,
    predictions: Predictions,
    clusters: np.ndarray,
    by: Sequence[str],
    seed: int,
) -> tuple[Subgroups, ...]:
    """Measures the subgroups of some columns by the task's primary measure.

    Raises:
        DataError: If a column is not there.
    """
    primary = task_of(dataset.task).PRIMARY
    one = measured(dataset.task, predictions, dataset.labels)
    statistic, groups = one.statistics[primary.key], clusters[one.kept]
    dataset.require_columns(by, "--by")
    found = []
    for column in by:
        cells, places = places_of(dataset.attributes[column])
        values = bands(cells, places=places)[one.kept]
        found.append(by_subgroup(column, values, statistic, primary, groups, seed=seed))
    return tuple(found)


def uneven_columns(dataset: Dataset, clusters: np.ndarray, by: Sequence[str]) -> tuple[str, ...]:
    """Says of which columns equal figures prove nothing, because they go with the class.

    A model that calls every woman young is as often right on women as on men where most women are
    young and most men are old.

    Args:
        dataset: N tested items.
        clusters: (N,) int of duplicates and groups.
        by: Columns that the items have.
    """
    found = []
    for column in by:
        cells = dataset.attributes[column]
        known = measurable(dataset, np.flatnonzero(cells != ""))
        _, codes = np.unique(cells[known], return_inverse=True)
        if len(known) and codes.max() > 0:
            _, low = category_skill(codes, dataset.labels.strata[known], clusters[known])
            if low >= _UNEVEN:
                found.append(
                    f"The classes lie unevenly over {column}: equal figures do not show that the "
                    f"model ignores it. 'headstart audit RUN --by {column}' asks that."
                )
    return tuple(found)


def _estimates(value: Any) -> Any:
    """Rebuilds the estimates inside of what JSON kept."""
    if isinstance(value, dict):
        if {"value", "low", "high", "n", "method"} == set(value):
            return Estimate.from_json(value)
        return {key: _estimates(each) for key, each in value.items()}
    return [_estimates(each) for each in value] if isinstance(value, list) else value
