"""What `train --strategy embed` leaves behind, in the layout of any other run."""

from __future__ import annotations

import csv
import io
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.features.extract import Features
from headstart.metrics.interval import cluster_bootstrap
from headstart.metrics.retrieval import MEASURES, gain, summarise
from headstart.records import Estimate, Finding, Predictions
from headstart.reporting.page import write_report
from headstart.results.files import (
    dataset_record,
    environment_record,
    write_json,
    write_mistakes,
    write_predictions,
)
from headstart.results.finetuning import write_history, write_preview
from headstart.run import Run
from headstart.scoring.score import score
from headstart.strategies.prepare import Prepared
from headstart.tasks.identity.split import both_sides

if TYPE_CHECKING:
    from headstart.strategies.identities import EmbeddingCandidate, EmbeddingResult

__all__ = ["write_embedding_run"]


def write_embedding_run(
    learnt: EmbeddingResult,
    data: Prepared,
    features: Features,
    findings: list[Finding],
    run: Run,
    *,
    options: dict[str, Any],
    all_names: tuple[str, ...],
    seconds: dict[str, float],
    started: float,
) -> None:
    """Writes every file of a run.

    Args:
        learnt: What was learnt and measured.
        data: The usable items.
        features: The frozen ones, of all items.
        findings: Of the checks of the data.
        run: To fill.
        options: Of the training.
        all_names: Of all items, the unreadable ones too.
        seconds: Phase -> wall seconds so far.
        started: `time.perf_counter()` at the beginning.

    Raises:
        OSError: If the disk refuses.
        OutputError: If the model cannot be written.
    """
    mark = time.perf_counter()
    seed = options["seed"]
    dataset, embedded = data.dataset, learnt.embedded
    results, predictions = _results(learnt, data, seed)
    parts = {"train": learnt.people.train & ~learnt.dropped, "test": learnt.people.test}
    record = dataset_record(
        dataset, parts, dropped=learnt.dropped, stats=features.stats, all_names=all_names
    )
    both = both_sides(dataset.targets, dataset.splits)
    record["on_both_sides_of_the_split"] = [dataset.classes[identity] for identity in both]
    write_json(run.options, options)
    write_json(run.dataset, record)
    write_json(run.findings, [*learnt.findings, *findings])
    write_json(run.metrics, results)
    _write_trials(run.trials, learnt, results["embedding"]["rows"])
    write_predictions(run.predictions, predictions)
    trainings = {"embedding": embedded.history}
    if learnt.softmax is not None:
        trainings["softmax"] = learnt.softmax.history
    write_history(
        run.history, trainings, more=("mean_negative_cosine", "effective_rank", "active_triplets")
    )
    trained = np.flatnonzero(parts["train"])
    write_preview(run.preview, dataset, trained, embedded.recipe, learnt.model.preprocess)
    learnt.model.save(run.model)
    write_mistakes(dataset, results["mistakes"], run.mistakes)
    seconds["write"] = time.perf_counter() - mark
    seconds["total"] = time.perf_counter() - started
    write_json(run.environment, environment_record(features.engine, features.computed, seconds))
    write_report(run.folder, name=Path(options["out"]).absolute().name)


def _results(
    learnt: EmbeddingResult, data: Prepared, seed: int
) -> tuple[dict[str, Any], Predictions]:
    """Returns the layout of `metrics.json`, and the predictions it is about."""
    dataset, items = data.dataset, learnt.items
    truth = np.searchsorted(learnt.classes, dataset.targets[items])
    predictions = Predictions(
        learnt.probabilities,
        tuple(dataset.classes[identity] for identity in learnt.classes),
        tuple(dataset.names[i] for i in items),
        truth,
    )
    results = score(
        predictions, clusters=learnt.copies[items], uncalibrated=learnt.uncalibrated, seed=seed
    )
    own, *others = learnt.candidates
    results["test"]["accuracy"] = _accuracy(own, data, items, seed)
    results["evaluation"] = {
        "kind": "holdout",
        "summary": f"{learnt.people.summary} Each of their images was taken for the nearest "
        "of them, "
        f"every person enrolled by the mean of the other images.",
    }
    results["baselines"] = {
        candidate.name: {"accuracy": _accuracy(candidate, data, items, seed)}
        for candidate in others
    }
    results["learning_curve"] = {"points": [], "forecast": None}
    results["calibration"] = {
        "temperature": learnt.model.temperature,
        "ece_before": results["test"].get("ece_uncalibrated"),
        "ece_after": results["test"].get("ece"),
    }
    embedded, stayed = learnt.embedded, learnt.kept != "embedding"
    results["model"] = {"summary": _describe(learnt, len(dataset.classes))}
    validation = {"probe": embedded.val_start, "finetune": embedded.validation}
    measured = {name: summarise(found, seed=seed) for name, found in validation.items()}
    change = gain(embedded.validation, embedded.val_start, seed=seed)
    results["finetuning"] = {
        "kept": "probe" if stayed else "finetune",
        "summary": _decided(learnt, change["map_at_r"]),
        "share": embedded.kept.share,
        "epochs": embedded.kept.epochs,
        "refitted": embedded.refitted,
        "recipe": asdict(embedded.recipe),
        "validation": {
            "n": len(embedded.validation.items),
            **{name: each["recall_at_1"] for name, each in measured.items()},
            "gain": change["recall_at_1"],
        },
        "diagnoses": learnt.findings,
    }
    results["embedding"] = {
        "kept": learnt.kept,
        "dimension": _width(learnt),
        "people": {
            "trained": len(np.unique(dataset.targets[learnt.people.train])),
            "deciding": embedded.people[1],
            "unseen": len(learnt.classes),
        },
        "measures": MEASURES,
        "rows": [
            {
                "name": candidate.name,
                "summary": candidate.summary,
                "measures": summarise(candidate.found, seed=seed),
                "gain": gain(own.found, candidate.found, seed=seed)
                if candidate is not own
                else None,
                "seconds": round(candidate.seconds, 1),
            }
            for candidate in learnt.candidates
        ],
        "start": embedded.start._asdict(),
    }
    return results, predictions


def _accuracy(
    candidate: EmbeddingCandidate, data: Prepared, items: np.ndarray, seed: int
) -> Estimate:
    """Returns the share of test items taken for the right person, its interval over people."""
    right = (candidate.labels == data.dataset.targets[items]).astype(float)
    return cluster_bootstrap(
        lambda weights: weights @ right / weights.sum(axis=1), data.dataset.targets[items],
        n=len(right), seed=seed,
    )  # fmt: skip


def _width(learnt: EmbeddingResult) -> int:
    return int(learnt.model.head.arrays["prototypes"].shape[1])


def _describe(learnt: EmbeddingResult, enrolled: int) -> str:
    model, own = learnt.model, learnt.candidates[0]
    names = {"frozen": "frozen features", "whitened": "frozen features, whitened within people,"}
    what = names.get(learnt.kept, own.summary)
    return (
        f"the mean embedding of each of {enrolled} people, by the {what} of "
        f"{model.backbone.name} ({_width(learnt)} numbers), images at {model.preprocess.size} px"
    )


def _decided(learnt: EmbeddingResult, change: Estimate) -> str:
    kept = {
        "embedding": "The embedding was kept",
        "whitened": "The whitened frozen features that training began from were kept",
        "frozen": "The frozen features were kept",
    }[learnt.kept]
    points = f"{100 * change.value:+.1f} points ({100 * change.low:+.1f} to "
    return (
        f"{kept}: among {learnt.embedded.people[1]} people held out of the training, mAP@R changed "
        f"by {points}{100 * change.high:+.1f}). Accuracy here is recall@1: whether the nearest "
        f"other image shows the same person; in training, the nearest of the batch."
    )


def _write_trials(path: Path, learnt: EmbeddingResult, rows: list[dict[str, Any]]) -> None:
    """Writes `trials.csv`: one row for each embedding, recall@1 of people never seen."""
    columns = (
        "classifier", "features", "dimensions", "C", "class_weight", "folds", "repeats",
        "accuracy", "low", "high", "balanced_accuracy", "log_loss", "seconds", "chosen",
    )  # fmt: skip
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    table.writeheader()
    for row in rows:
        recall: Estimate = row["measures"]["recall_at_1"]
        table.writerow(
            {
                "classifier": "nearest image by cosine",
                "features": row["summary"],
                "dimensions": _width(learnt),
                "accuracy": f"{recall.value:.4f}",
                "low": f"{recall.low:.4f}",
                "high": f"{recall.high:.4f}",
                "seconds": f"{row['seconds']:.3f}",
                "chosen": row is rows[0],
            }
        )
    path.write_text(text.getvalue(), encoding="utf-8")
