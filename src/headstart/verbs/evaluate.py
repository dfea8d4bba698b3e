"""`evaluate`: the measures of a run, or of its model on other labelled images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headstart.data.duplicates import clusters as find_clusters
from headstart.data.open import open_dataset
from headstart.data.pixels import Progress, silent
from headstart.errors import DataError
from headstart.features.extract import extract
from headstart.nets.backbone import Device
from headstart.nets.heads import softmax
from headstart.nets.model import Model
from headstart.records import Estimate, Predictions
from headstart.run import Run
from headstart.scoring.score import score

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True)
class Evaluation:
    """Measures with their intervals.

    Attributes:
        says: On what they were measured, in one sentence.
        test: Measure -> estimate.
        per_class: One dict per class: class, n, precision, recall, f1.
        confusion: ``{"classes": [...], "counts": [[...]]}``, rows are the truth.
        errors: Image -> reason, of those that could not be read.
    """

    says: str
    test: dict[str, Estimate]
    per_class: list[dict[str, Any]]
    confusion: dict[str, Any]
    errors: dict[str, str]

    def __repr__(self) -> str:
        return f"Evaluation(accuracy {self.test['accuracy']}; {self.says!r})"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{name}</td><td>{each}</td></tr>" for name, each in self.test.items()
        )
        return f"<table><caption>{escape(self.says)}</caption>{rows}</table>"


def evaluate(
    run: str | Path,
    data: str | Path | None = None,
    *,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    seed: int = 0,
    device: Device = "auto",
    workers: int | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Returns the measures of a run, or measures its model on other labelled images.

    Args:
        run: The folder that `train` wrote.
        data: Labelled images to measure on; by default the run's own test, as it was measured.
        label: Column of a table that holds the class.
        group: Column that says who belongs together; intervals respect it.
        split: Column of a table that holds `train`, `val` or `test`.
        seed: Of the intervals.
        device: Where the network runs.
        workers: Decoding threads; by default one a processor.
        progress: Called as images are done.

    Returns:
        An `Evaluation`. Where the data has a test split, that part of it is measured.

    Raises:
        ModelError: If the run cannot be read.
        DataError: If the data have no labels, or classes that the model does not know.
    """
    if data is None:
        results = Run.open(run).results
        return Evaluation(
            says=results["evaluation"]["says"],
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
        )
    model = Model.load(run)
    dataset = open_dataset(data, label=label, group=group, split=split)
    if not dataset.labelled.any():
        raise DataError(f"{data} has no labels to measure against; use 'headstart predict'")
    unknown = sorted(set(dataset.classes) - set(model.classes))
    if unknown:
        raise DataError(
            f"{data} has classes that the model does not know ({', '.join(unknown[:5])}); "
            f"it knows {', '.join(model.classes[:10])}"
        )
    chosen = dataset.labelled
    if (dataset.splits == "test").any():
        chosen &= dataset.splits == "test"
    dataset = dataset.take(chosen)
    features = extract(
        dataset, model.backbone, preprocess=model.preprocess, views=model.views, device=device,
        workers=workers, progress=progress,
    )  # fmt: skip
    readable = features.facts.readable
    facts, kept = features.facts.take(readable), dataset.take(readable)
    place = np.array([model.classes.index(name) for name in dataset.classes])
    scores = model.head.scores(features.vectors[readable])
    predictions = Predictions(
        softmax(scores / np.float32(model.temperature)),
        model.classes,
        kept.names,
        place[kept.targets],
    )
    results = score(
        predictions,
        clusters=find_clusters(facts, kept.groups),
        uncalibrated=softmax(scores),
        seed=seed,
    )
    part = "the test split of " if (kept.splits == "test").all() else ""
    return Evaluation(
        says=f"Measured on {part}{data}: {len(kept)} images.",
        test=results["test"],
        per_class=results["per_class"],
        confusion=results["confusion"],
        errors={dataset.names[i]: reason for i, reason in features.facts.errors.items()},
    )
