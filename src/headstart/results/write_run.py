"""What `train` leaves behind: the files of a run, written once everything is known."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.data.dataset import Dataset
from headstart.images.stats import ImageStats
from headstart.metrics.classification import measure
from headstart.metrics.interval import wilson
from headstart.nets.model import Model
from headstart.probe.cross_validate import CrossValidated
from headstart.probe.probe import Probe
from headstart.records import Estimate, Finding, Predictions
from headstart.reporting.page import write_report
from headstart.results.files import (
    dataset_record,
    environment_record,
    write_json,
    write_mistakes,
    write_numbers,
    write_predictions,
    write_trials,
)
from headstart.results.finetuning import advice, finetuning, write_history, write_preview
from headstart.run import Run
from headstart.scoring.curve import extrapolate
from headstart.scoring.numbers import score_numbers
from headstart.scoring.score import score, transfer_gain
from headstart.strategies.plan import FinetuneOutcome

if TYPE_CHECKING:
    from headstart.strategies.finetune_rounds import FinetuneRounds

__all__ = ["TrainingResult", "write_run"]


@dataclass(frozen=True)
class TrainingResult:
    """Everything a finished training knows.

    `dataset`, `splits`, `clusters` and `dropped` are of the readable items, `stats` and
    `all_names` of all of them.

    Attributes:
        evaluation: Kind and one sentence.
        controls: Baseline -> (M,) predicted classes of the test items.
        curve: (S,) training sizes and (S, K) accuracies.
        engine: What ran the network.
        computed: How many vectors were not in the cache.
        seconds: Phase -> wall seconds so far.
        started: `time.perf_counter()` at the beginning.
        tuned: What fine-tuning came to, where there was any.
    """

    options: dict[str, Any]
    dataset: Dataset
    splits: np.ndarray
    clusters: np.ndarray
    dropped: np.ndarray
    stats: ImageStats
    all_names: tuple[str, ...]
    findings: list[Finding]
    evaluation: tuple[str, str]
    outcome: CrossValidated
    controls: dict[str, np.ndarray]
    curve: tuple[np.ndarray, np.ndarray]
    model: Model
    engine: str
    computed: int
    seconds: dict[str, float]
    started: float
    tuned: FinetuneOutcome | None = None


def write_run(result: TrainingResult, run: Run) -> None:
    """Writes every file of a run.

    Raises:
        OSError: If the disk refuses.
        OutputError: If the model cannot be written.
    """
    mark = time.perf_counter()
    results, predictions = _results(result)
    result.seconds["score"] = time.perf_counter() - mark
    mark = time.perf_counter()
    write_json(run.options, result.options)
    write_json(run.dataset, _dataset(result))
    write_json(run.findings, result.findings)
    write_json(run.metrics, results)
    write_trials(run.trials, result.outcome.probe.trials)
    write_predictions(run.predictions, predictions)
    if result.dataset.values is not None:
        write_numbers(run.numbers, predictions, result.dataset.values[result.outcome.items])
    if result.tuned is not None and result.tuned.tuning is not None:
        rounds = enumerate(result.tuned.tuning.rounds, 1)
        write_history(run.history, {f"round{n}": each.history for n, each in rounds})
        items = result.outcome.parts[0].train
        recipe = result.tuned.tuning.recipe
        write_preview(run.preview, result.dataset, items, recipe, result.model.preprocess)
    result.model.save(run.model)
    write_mistakes(result.dataset, results["mistakes"], run.mistakes)
    result.seconds["write"] = time.perf_counter() - mark
    result.seconds["total"] = time.perf_counter() - result.started
    environment = environment_record(result.engine, result.computed, result.seconds)
    write_json(run.environment, environment)
    # While it is written, the run lies in a hidden folder; the page bears its final name.
    write_report(run.folder, name=Path(result.options["out"]).absolute().name)


def _results(result: TrainingResult) -> tuple[dict[str, Any], Predictions]:
    """Scores the test items; the layout of `metrics.json`."""
    outcome, seed = result.outcome, result.options["seed"]
    items = outcome.items
    truth, clusters = result.dataset.targets[items], result.clusters[items]
    predictions = Predictions(
        outcome.probabilities,
        result.dataset.classes,
        tuple(result.dataset.names[i] for i in items),
        truth,
        bins=result.dataset.bins,
    )
    results = score(predictions, clusters=clusters, uncalibrated=outcome.uncalibrated, seed=seed)
    if result.dataset.values is not None:
        _add_numbers(results, result, predictions, clusters)
    right = outcome.labels == truth
    results["evaluation"] = {"kind": result.evaluation[0], "summary": result.evaluation[1]}
    results["baselines"] = {
        name: {"accuracy": _accuracy(labels, truth, clusters, len(predictions.classes), seed)}
        for name, labels in result.controls.items()
    }
    if result.controls:
        best = max(result.controls, key=lambda name: np.mean(result.controls[name] == truth))
        beaten = result.controls[best] == truth
        results["transfer_gain"] = transfer_gain(right, beaten, clusters, best, seed=seed)
    sizes, accuracies = result.curve
    folds = max(2, accuracies.shape[1])  # each held a part out, so all parts were tested on
    tested = int(sizes.max(initial=1)) * folds // (folds - 1)
    points = [
        {"n": int(n), "accuracy": _mean(each, int(n), tested)}
        for n, each in zip(sizes, accuracies, strict=True)
    ]
    increasing = len(sizes) > 1 and bool((np.diff(sizes) > 0).all())
    forecast = extrapolate(sizes.tolist(), accuracies, seed=seed) if increasing else None
    results["learning_curve"] = {"points": points, "forecast": forecast}
    results["calibration"] = {
        "temperature": result.model.temperature,
        "ece_before": results["test"].get("ece_uncalibrated"),
        "ece_after": results["test"].get("ece"),
    }
    results["model"] = {"summary": _describe(result.model, outcome.probe)}
    if result.tuned is not None:
        if result.tuned.model is not None and result.tuned.tuning is not None:
            results["model"] = {"summary": _describe_tuned(result.model, result.tuned.tuning)}
        for name, part in (("finetuning", finetuning), ("advice", advice)):
            if (value := part(result.tuned)) is not None:
                results[name] = value
    return results, predictions


def _add_numbers(
    results: dict[str, Any], result: TrainingResult, predictions: Predictions, clusters: np.ndarray
) -> None:
    """Adds the measures of a regression: `test` gets more rows, and `numbers` is new."""
    values, items = result.dataset.values, result.outcome.items
    assert values is not None
    constant = np.full(len(values), np.nan)
    for part in result.outcome.parts:
        constant[part.test] = np.median(values[part.train])
    found = score_numbers(
        predictions, values[items], constant=constant[items], clusters=clusters,
        seed=result.options["seed"],
    )  # fmt: skip
    results["test"] = found.pop("test") | results["test"]
    results["numbers"] = {"name": result.options["label"] or "number", **found}


def _accuracy(
    labels: np.ndarray, truth: np.ndarray, clusters: np.ndarray, n_classes: int, seed: int
) -> Estimate:
    """Returns the accuracy of hard predictions, its interval as the model's own."""
    certain = np.eye(n_classes)[labels]
    return measure(certain, truth, clusters=clusters, seed=seed).overall["accuracy"]


def _mean(values: np.ndarray, n: int, tested: int) -> Estimate:
    """Returns the mean over folds with a rough interval: the wider of two.

    Folds share training items, and folds that agree by chance (all of them right, say) would
    claim to be certain; so the interval is never narrower than the Wilson one of all `tested`
    items.
    """
    half = 1.96 * float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    value = float(values.mean())
    plain = wilson(value * tested, tested)
    low, high = min(value - half, plain.low), max(value + half, plain.high)
    return Estimate(value, max(0.0, low), min(1.0, high), n, "folds, 95 %")


_NAMES = {
    "logistic": "logistic regression",
    "svm": "linear support vector machine",
    "neighbours": "nearest neighbours",
    "prototypes": "class prototypes",
}


def _describe(model: Model, probe: Probe) -> str:
    where = {"all": "all stages", "last": "the last layer", "upper": "the upper stages"}
    features = where.get(probe.config.features, probe.config.features.replace("stage", "stage "))
    tta = f", {model.tta} views averaged" if model.tta > 1 else ""
    verb = {
        "square": "cropped to the largest square and resized",
        "crop": "cropped",
        "pad": "padded",
        "squash": "squashed",
    }[model.preprocess.geometry]
    what = f"images {verb}"
    if model.preprocess.faces is not None:
        what = "the largest face of each photo set upright and cut out"
    return (
        f"{_NAMES[probe.config.classifier]} on {features} of {model.backbone.name}, "
        f"{what} to {model.preprocess.size} px{tta}; chosen by cross-validated "
        f"{probe.criterion} among {len(probe.trials)} trials"
    )


def _describe_tuned(model: Model, tuning: FinetuneRounds) -> str:
    last = tuning.rounds[-1]
    depth = {"head": "its head", "last": f"its last {tuning.recipe.stages} stages"}
    what = depth.get(tuning.recipe.freeze, "all its layers")
    epochs = tuning.recipe.epochs
    share = f", {last.kept.share:.0%} of the way from the probe" if last.kept.share < 1 else ""
    return (
        f"{model.backbone.name} fine-tuned in {what} for {epochs} epoch{'s' * (epochs > 1)} from a "
        f"linear probe{share}, images at {model.preprocess.size} px"
    )


def _dataset(result: TrainingResult) -> dict[str, Any]:
    test = np.isin(np.arange(len(result.dataset)), result.outcome.items)
    trained = ~test & ~result.dropped if result.evaluation[0] == "holdout" else test
    return dataset_record(
        result.dataset, {"train": trained, "test": test}, dropped=result.dropped,
        stats=result.stats, all_names=result.all_names,
    )  # fmt: skip
