"""What a run left behind, read and arranged as rows for its report."""

from __future__ import annotations

import csv
import json
import math
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from headstart.errors import ModelError
from headstart.options.record import options_of
from headstart.options.train import TrainOptions
from headstart.reporting.pictures import as_source

__all__ = [
    "MATRIX",
    "PREVIEW",
    "balance",
    "split_images",
    "command_line",
    "confusion",
    "facts",
    "history",
    "kept_epochs",
    "picture",
    "pictured",
    "read_part",
    "recipe_rows",
    "axis_limits",
    "seconds",
    "trials",
    "weakest_first",
]

MATRIX = 25  # more classes than this do not fit on a page as a matrix
_PICTURES = 900_000  # bytes of embedded images
PREVIEW = 400_000  # likewise, of the preview of the augmentation
_EPOCH = (
    "epoch",
    "trainable_stages",
    "lr",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "seconds",
)


def read_part(folder: Path, name: str, kind: type) -> Any:
    """Reads a JSON file of the run; an empty `kind` when it is not there.

    Raises:
        ModelError: If the file is not the JSON it should be.
    """
    path = folder / name
    if not path.is_file():
        return kind()
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelError(f"{path} cannot be read ({error}): run `headstart train` again") from error
    if not isinstance(value, kind):
        raise ModelError(
            f"{path} does not hold a JSON {kind.__name__}: run `headstart train` again"
        )
    return value


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def trials(folder: Path) -> list[dict[str, Any]]:
    """The rows of trials.csv, the chosen one first, then the most accurate.

    `plain` is a row as it was written, without the columns that are empty in all of them.
    """
    path = folder / "trials.csv"
    if not path.is_file():
        return []
    rows = []
    with path.open(newline="", encoding="utf-8") as stream:
        written = list(csv.DictReader(stream))
        told = {key for row in written for key, value in row.items() if value} - {"chosen"}
        for row in written:
            values = {key: _number(row.get(key)) for key in ("accuracy", "low", "high")}
            rows.append(
                {
                    **row,
                    "plain": {key: value for key, value in row.items() if key in told},
                    "estimate": {**values, "value": values["accuracy"]},
                    "chosen": (row.get("chosen") or "").strip().lower() in {"true", "1", "yes"},
                    "log_loss": _number(row.get("log_loss")),
                    "seconds": _number(row.get("seconds")),
                }
            )
    return sorted(rows, key=lambda row: (not row["chosen"], -(row["estimate"]["value"] or 0.0)))


def axis_limits(estimates: Iterable[Mapping[str, Any] | None]) -> tuple[float, float]:
    """The ends of a common axis for some intervals, on multiples of a tenth."""
    lows = [each["low"] for each in estimates if each and each.get("low") is not None]
    return math.floor(10 * min(lows, default=0.0)) / 10, 1.0


def history(folder: Path) -> dict[str, Any] | None:
    """The first training of history.csv, epoch by epoch; None when there is none.

    Raises:
        ModelError: If the file cannot be read.
    """
    path = folder / "history.csv"
    if not path.is_file():
        return None
    trainings: dict[str, list[dict[str, float | None]]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                values = {key: _number(row.get(key)) for key in _EPOCH}
                if values["epoch"] is not None:
                    trainings.setdefault(row.get("training") or "", []).append(values)
    except (OSError, ValueError, csv.Error) as error:
        raise ModelError(f"{path} cannot be read ({error}): run `headstart train` again") from error
    if not trainings:
        return None
    name, epochs = next(iter(trainings.items()))
    rates = [row["lr"] for row in epochs if row["lr"] is not None]
    return {
        "training": name,
        "trainings": len(trainings),
        "epochs": sorted(epochs, key=lambda row: row["epoch"] or 0.0),
        "validation": any(row["val_loss"] is not None for row in epochs),
        "accuracy": any(
            row[key] is not None for row in epochs for key in ("accuracy", "val_accuracy")
        ),
        "lr": (max(rates) or None) if len(rates) > 1 else None,
    }


def kept_epochs(finetuning: Mapping[str, Any], history: Mapping[str, Any] | None) -> list[int]:
    """The epochs to mark: none where the starting point was kept, however good they were."""
    if finetuning.get("kept") == "probe" or finetuning.get("share") == 0:
        return []
    # Of several trainings the last became the model, and the first is drawn.
    several = history is not None and history["trainings"] > 1
    return [] if several else list(finetuning.get("epochs") or [])


def recipe_rows(finetuning: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The recipe as rows of text; what is off or unset says so in words."""
    rows = []
    for name, value in (finetuning.get("recipe") or {}).items():
        if isinstance(value, bool):
            text = "yes" if value else "no"
        elif isinstance(value, list):
            text = ", ".join(map(str, value))
        else:
            text = "–" if value is None else str(value)
        rows.append((name.replace("_", " "), text))
    return rows


def balance(dataset: Mapping[str, Any], *, cv: bool) -> list[dict[str, Any]]:
    """Images per class and split, the largest class first; widths in per cent of the largest."""
    counts = _once(dataset.get("counts") or {}, cv)
    names = dataset.get("classes") or sorted({name for part in counts.values() for name in part})
    rows = []
    for name in names:
        parts = {split: int(part.get(name, 0)) for split, part in counts.items()}
        rows.append({"class": name, "parts": parts, "total": sum(parts.values())})
    most = max((row["total"] for row in rows), default=0) or 1
    for row in rows:
        row["widths"] = {split: 100 * n / most for split, n in row["parts"].items()}
    return sorted(rows, key=lambda row: -row["total"])


def split_images(dataset: Mapping[str, Any], *, cv: bool) -> dict[str, int]:
    """Images of each split, where these show several classes and are counted for each of them."""
    counts, images = (_once(dataset.get(key) or {}, cv) for key in ("counts", "images"))
    several = any(
        sum(part.values()) > images.get(split, math.inf) for split, part in counts.items()
    )
    return dict(images) if several else {}


def _once(parts: Mapping[str, Any], cv: bool) -> Mapping[str, Any]:
    """The same images train and test in cross-validation: they are counted once."""
    return {"trained on and tested on in turn": parts["test"]} if cv and "test" in parts else parts


def confusion(metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    """A matrix of shares for few classes, and the most confused pairs in any case."""
    confusion = (metrics.get("details") or {}).get("confusion") or {}
    classes, counts = confusion.get("classes") or [], confusion.get("counts") or []
    if not classes or len(counts) != len(classes):
        return None
    pairs, matrix = [], []
    for i, row in enumerate(counts):
        total = sum(row)
        shares = [n / total if total else 0.0 for n in row]
        matrix.append({"class": classes[i], "n": total, "cells": list(zip(row, shares))})
        pairs += [
            {"truth": classes[i], "predicted": classes[j], "n": n, "share": shares[j]}
            for j, n in enumerate(row)
            if n and i != j
        ]
    pairs.sort(key=lambda pair: (-pair["n"], -pair["share"]))
    small = len(classes) <= MATRIX
    of = confusion.get("of", "images")
    return {"classes": classes, "matrix": matrix if small else None, "pairs": pairs, "of": of}


def picture(path: Path, most: int) -> str | None:
    """A JPEG file as text for an `img`; None if it is none or would need more than `most`."""
    if not path.is_file() or not 0 < path.stat().st_size * 4 / 3 <= most:
        return None
    data = path.read_bytes()
    if data[:2] != b"\xff\xd8":
        return None
    return as_source(data)


def pictured(folder: Path, metrics: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The rows of a list of images, such as the mistakes, with those that the run kept.

    Args:
        folder: The run.
        metrics: Of it.
        key: Of its details, and what the folder of the images is called.
    """
    left = _PICTURES
    rows = []
    for index, row in enumerate((metrics.get("details") or {}).get(key) or []):
        shown = picture(folder / key / f"{index}.jpg", left)
        left -= len(shown or "")
        rows.append({**row, "picture": shown})
    return rows


def weakest_first(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of the classes by F1; those that could not be measured at the end."""

    def key(row: Mapping[str, Any]) -> float:
        value = (row.get("f1") or {}).get("value")
        return math.inf if value is None else float(value)

    return sorted((metrics.get("details") or {}).get("per_class") or [], key=key)


def command_line(options: Mapping[str, Any], dataset: Mapping[str, Any]) -> str | None:
    """The command that makes this run again, without the flags that say what is said by default."""
    if not options:
        return None
    if isinstance(options.get("command"), str):
        return str(options["command"])
    subject = options.get("data") or options.get("subject") or dataset.get("root") or "DATA"
    words = ["headstart", "train", str(subject)]
    usual = {each.name: each.default for each in options_of(TrainOptions)}
    for key, value in options.items():
        if key in {"data", "subject", "command"} or value is None or value == usual.get(key):
            continue
        flag = "--" + key.replace("_", "-")
        if value is False:
            words += [f"--no-{flag[2:]}"] if key == "drop_leaks" else []
            continue
        if value is True:
            words.append(flag)
        else:
            for item in value if isinstance(value, list) else [value]:
                words += [flag, str(item)]
    return shlex.join(words)


def facts(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Engine, machine and versions as rows of text, one level of nesting flattened."""
    rows: list[tuple[str, str]] = []
    for key, value in environment.items():
        if key == "seconds" or value is None:
            continue
        if isinstance(value, Mapping):
            value = ", ".join(f"{name} {item}" for name, item in value.items() if item is not None)
        elif isinstance(value, list):
            value = ", ".join(map(str, value))
        rows.append((key.replace("_", " "), str(value)))
    return rows


def seconds(environment: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Phases and the seconds that they took."""
    found = environment.get("seconds") or {}
    return [(str(k), float(v)) for k, v in found.items() if isinstance(v, (int, float))]
