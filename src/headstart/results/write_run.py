"""What `train` leaves behind: the files of a run, written once everything is known."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.data.dataset import Dataset
from headstart.images.stats import Facts
from headstart.metrics.classification import measure
from headstart.metrics.interval import wilson
from headstart.nets.model import Model
from headstart.probe.cross_validate import Outcome
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
from headstart.strategies.plan import Tuned

if TYPE_CHECKING:
    from headstart.strategies.finetune_rounds import Tuning

__all__ = ["Account", "leave"]


@dataclass(frozen=True)
class Account:
    """Everything a finished training knows.

    `dataset`, `splits`, `clusters` and `dropped` are of the readable items, `facts` and
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
    facts: Facts
    all_names: tuple[str, ...]
    findings: list[Finding]
    evaluation: tuple[str, str]
    outcome: Outcome
    controls: dict[str, np.ndarray]
    curve: tuple[np.ndarray, np.ndarray]
    model: Model
    engine: str
    computed: int
    seconds: dict[str, float]
    started: float
    tuned: Tuned | None = None


def leave(account: Account, run: Run) -> None:
    """Writes every file of a run.

    Raises:
        OSError: If the disk refuses.
        OutputError: If the model cannot be written.
    """
    mark = time.perf_counter()
    results, predictions = _results(account)
    account.seconds["score"] = time.perf_counter() - mark
    mark = time.perf_counter()
    write_json(run.options, account.options)
    write_json(run.dataset, _dataset(account))
    write_json(run.findings, account.findings)
    write_json(run.metrics, results)
    write_trials(run.trials, account.outcome.probe.trials)
    write_predictions(run.predictions, predictions)
    if account.dataset.values is not None:
        write_numbers(run.numbers, predictions, account.dataset.values[account.outcome.items])
    if account.tuned is not None and account.tuned.tuning is not None:
        rounds = enumerate(account.tuned.tuning.rounds, 1)
        write_history(run.history, {f"round{n}": each.history for n, each in rounds})
        items = account.outcome.parts[0].train
        recipe = account.tuned.tuning.recipe
        write_preview(run.preview, account.dataset, items, recipe, account.model.preprocess)
    account.model.save(run.model)
    write_mistakes(account.dataset, results["mistakes"], run.mistakes)
    account.seconds["write"] = time.perf_counter() - mark
    account.seconds["total"] = time.perf_counter() - account.started
    environment = environment_record(account.engine, account.computed, account.seconds)
    write_json(run.environment, environment)
    # While it is written, the run lies in a hidden folder; the page bears its final name.
    write_report(run.folder, name=Path(account.options["out"]).absolute().name)


def _results(account: Account) -> tuple[dict[str, Any], Predictions]:
    """Scores the test items; the layout of `metrics.json`."""
    outcome, seed = account.outcome, account.options["seed"]
    items = outcome.items
    truth, clusters = account.dataset.targets[items], account.clusters[items]
    predictions = Predictions(
        outcome.probabilities,
        account.dataset.classes,
        tuple(account.dataset.names[i] for i in items),
        truth,
        scale=account.dataset.scale,
    )
    results = score(predictions, clusters=clusters, uncalibrated=outcome.uncalibrated, seed=seed)
    if account.dataset.values is not None:
        _add_numbers(results, account, predictions, clusters)
    right = outcome.labels == truth
    results["evaluation"] = {"kind": account.evaluation[0], "says": account.evaluation[1]}
    results["baselines"] = {
        name: {"accuracy": _accuracy(labels, truth, clusters, len(predictions.classes), seed)}
        for name, labels in account.controls.items()
    }
    if account.controls:
        best = max(account.controls, key=lambda name: np.mean(account.controls[name] == truth))
        beaten = account.controls[best] == truth
        results["transfer_gain"] = transfer_gain(right, beaten, clusters, best, seed=seed)
    sizes, accuracies = account.curve
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
        "temperature": account.model.temperature,
        "ece_before": results["test"].get("ece_uncalibrated"),
        "ece_after": results["test"].get("ece"),
    }
    results["model"] = {"says": _says(account.model, outcome.probe)}
    if account.tuned is not None:
        if account.tuned.model is not None and account.tuned.tuning is not None:
            results["model"] = {"says": _says_tuned(account.model, account.tuned.tuning)}
        for name, part in (("finetuning", finetuning), ("advice", advice)):
            if (value := part(account.tuned)) is not None:
                results[name] = value
    return results, predictions


def _add_numbers(
    results: dict[str, Any], account: Account, predictions: Predictions, clusters: np.ndarray
) -> None:
    """Adds the measures of a regression: `test` gets more rows, and `numbers` is new."""
    values, items = account.dataset.values, account.outcome.items
    assert values is not None
    constant = np.full(len(values), np.nan)
    for part in account.outcome.parts:
        constant[part.test] = np.median(values[part.train])
    found = score_numbers(
        predictions, values[items], constant=constant[items], clusters=clusters,
        seed=account.options["seed"],
    )  # fmt: skip
    results["test"] = found.pop("test") | results["test"]
    results["numbers"] = {"name": account.options["label"] or "number", **found}


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


def _says(model: Model, probe: Probe) -> str:
    where = {"all": "all stages", "last": "the last layer", "upper": "the upper stages"}
    features = where.get(probe.config.features, probe.config.features.replace("stage", "stage "))
    views = f", {model.views} views averaged" if model.views > 1 else ""
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
        f"{what} to {model.preprocess.size} px{views}; chosen by cross-validated "
        f"{probe.criterion} among {len(probe.trials)} trials"
    )


def _says_tuned(model: Model, tuning: Tuning) -> str:
    last = tuning.rounds[-1]
    depth = {"head": "its head", "last": f"its last {tuning.recipe.stages} stages"}
    what = depth.get(tuning.recipe.freeze, "all its layers")
    epochs = tuning.recipe.epochs
    share = f", {last.kept.share:.0%} of the way from the probe" if last.kept.share < 1 else ""
    return (
        f"{model.backbone.name} fine-tuned in {what} for {epochs} epoch{'s' * (epochs > 1)} from a "
        f"linear probe{share}, images at {model.preprocess.size} px"
    )


def _dataset(account: Account) -> dict[str, Any]:
    test = np.isin(np.arange(len(account.dataset)), account.outcome.items)
    trained = ~test & ~account.dropped if account.evaluation[0] == "holdout" else test
    return dataset_record(
        account.dataset, {"train": trained, "test": test}, dropped=account.dropped,
        facts=account.facts, all_names=account.all_names,
    )  # fmt: skip
