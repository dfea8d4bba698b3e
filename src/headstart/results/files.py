"""The files of a run, one function each: records as JSON, tables as CSV, thumbnails."""

from __future__ import annotations

import csv
import io
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.data.dataset import Dataset
from headstart.errors import ModelError
from headstart.fingerprint import fingerprint_bytes
from headstart.images.decode import decode, read_bytes
from headstart.images.pixels import cpu_count
from headstart.images.stats import ImageStats
from headstart.records import Predictions, to_json

if TYPE_CHECKING:
    from headstart.probe.probe import Trial

__all__ = [
    "dataset_record",
    "environment_record",
    "read_errors",
    "write_json",
    "write_mistakes",
    "write_numbers",
    "write_predictions",
    "write_trials",
]

_THUMBNAIL = 240


def write_json(path: Path, value: Any) -> None:
    """Writes a record."""
    path.write_text(to_json(value) + "\n", encoding="utf-8")


def dataset_record(
    data: Dataset,
    parts: dict[str, np.ndarray],
    *,
    dropped: np.ndarray,
    stats: ImageStats,
    all_names: tuple[str, ...],
) -> dict[str, Any]:
    """Returns the layout of `dataset.json`.

    Args:
        data: N usable items.
        parts: Name of a part -> (N,) bool.
        dropped: (N,) bool, left out of training as leaks.
        stats: Of all items, the unreadable ones too.
        all_names: Theirs.
    """
    unreadable = [(all_names[index], reason) for index, reason in sorted(stats.errors.items())]
    return {
        "root": str(data.root),
        "source": data.source,
        "fingerprint": fingerprint_bytes(
            b"".join(np.sort(stats.keys.view("V16").ravel()).tolist())
        ).hex(),
        "classes": data.classes,
        "counts": {
            part: dict(
                zip(
                    data.classes,
                    np.bincount(data.targets[mask], minlength=len(data.classes)).tolist(),
                    strict=True,
                )
            )
            for part, mask in parts.items()
        },
        "items": len(data),
        "left_out_as_leaks": [data.names[i] for i in np.flatnonzero(dropped)],
        "set_aside": [*data.set_aside, *unreadable],
    }


def environment_record(engine: str, computed: int, seconds: dict[str, float]) -> dict[str, Any]:
    """Returns the layout of `environment.json`.

    Args:
        engine: What ran the network.
        computed: How many vectors were not in the cache.
        seconds: Phase -> wall seconds.
    """
    packages = ("headstart", "timm", "torch", "openvino", "numpy", "scikit-learn", "pillow")
    return {
        "engine": engine,
        "embedded_now": computed,
        "machine": f"{platform.machine()}, {cpu_count()} processors, {platform.system()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def write_trials(path: Path, trials: tuple[Trial, ...]) -> None:
    """Writes `trials.csv`, the winner first."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        [
            "classifier",
            "features",
            "dimensions",
            "C",
            "class_weight",
            "folds",
            "repeats",
            "accuracy",
            "low",
            "high",
            "balanced_accuracy",
            "log_loss",
            "seconds",
            "chosen",
        ]
    )
    for trial in trials:
        config, accuracy = trial.config, trial.accuracy
        loss = "" if np.isnan(trial.log_loss) else f"{trial.log_loss:.4f}"
        table.writerow(
            [
                config.classifier,
                config.features,
                trial.dimensions,
                f"{config.C:g}",
                "balanced" if config.balanced else "",
                trial.folds,
                trial.repeats,
                f"{accuracy.value:.4f}",
                f"{accuracy.low:.4f}",
                f"{accuracy.high:.4f}",
                f"{trial.balanced_accuracy:.4f}",
                loss,
                f"{trial.seconds:.3f}",
                trial.chosen,
            ]
        )
    path.write_text(text.getvalue(), encoding="utf-8")


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Writes one row per item: name, truth, predicted, confidence, then every class."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["name", "truth", "predicted", "confidence", *predictions.classes])
    truths = predictions.targets
    for index, (name, label) in enumerate(zip(predictions.names, predictions.labels, strict=True)):
        truth = "" if truths is None else predictions.classes[truths[index]]
        row = [f"{value:.5f}" for value in predictions.probabilities[index]]
        confidence = f"{predictions.confidences[index]:.5f}"
        table.writerow([name, truth, predictions.classes[label], confidence, *row])
    path.write_text(text.getvalue(), encoding="utf-8")


def write_numbers(path: Path, predictions: Predictions, truth: np.ndarray) -> None:
    """Writes one row per item: name, true number, number predicted, the ends of its 90 % range."""
    predicted = predictions.numbers
    assert predicted is not None
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["name", "truth", "number", "low", "high"])
    for name, true, row in zip(predictions.names, truth, predicted, strict=True):
        table.writerow([name, f"{true:.6g}", *(f"{each:.6g}" for each in row)])
    path.write_text(text.getvalue(), encoding="utf-8")


def read_errors(path: Path) -> dict[str, float]:
    """Reads what `write_numbers` wrote: name -> absolute error.

    Raises:
        ModelError: If it is damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return {
                row["name"]: abs(float(row["number"]) - float(row["truth"]))
                for row in csv.DictReader(stream)
            }
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise ModelError(f"{path} cannot be read ({error}); run 'headstart train' again") from None


def write_mistakes(dataset: Dataset, mistakes: list[dict[str, Any]], folder: Path) -> None:
    """Writes a thumbnail of each listed mistake as `<k>.jpg` into a new folder."""
    from PIL import Image

    if mistakes:
        folder.mkdir()
    for number, mistake in enumerate(mistakes):
        pixels = decode(read_bytes(dataset.root / mistake["name"]), short_side=_THUMBNAIL).pixels
        image = Image.fromarray(pixels)
        image.thumbnail((_THUMBNAIL, _THUMBNAIL))
        image.save(folder / f"{number}.jpg", quality=82)
