"""The files of a run, one function each: records as JSON, tables as CSV, thumbnails."""

from __future__ import annotations

import collections
import csv
import io
import platform
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from headstart.cells import csv_cell
from headstart.data.dataset import Dataset
from headstart.data.labels import Labels, counts_of, quantity_of
from headstart.fingerprint import fingerprint_bytes
from headstart.images.pixels import cpu_count
from headstart.images.stats import ImageStats
from headstart.images.threads import ordered_map
from headstart.images.thumbnails import region_thumbnail, thumbnail
from headstart.predictions import Predictions, columns_of
from headstart.records import to_json

__all__ = [
    "dataset_record",
    "environment_record",
    "write_json",
    "write_mistakes",
    "write_predictions",
    "write_trials",
]

_THUMBNAIL = 240

Draw = Callable[..., np.ndarray]


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
        "root": str(data.root.absolute()),  # a run is used from other folders too
        "source": data.source,
        "fingerprint": fingerprint_bytes(
            b"".join(np.sort(stats.keys.view("V16").ravel()).tolist())
        ).hex(),
        "task": data.task,
        "quantity": quantity_of(data.labels),
        "classes": data.labels.kinds,
        "counts": {part: counts_of(data.labels, mask) for part, mask in parts.items()},
        "images": {part: int((mask & data.labelled).sum()) for part, mask in parts.items()},
        "items": len(data),
        "left_out_as_leaks": [data.names[i] for i in np.flatnonzero(dropped)],
        "reading": data.reading,
        "others": data.others,
        "set_aside": [*data.set_aside, *unreadable],
    }


def _version(package: str) -> str | None:
    """Returns the version of a package; None where it is not installed, such as an engine's."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


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
        "versions": {name: _version(name) for name in packages},
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def write_trials(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Writes `trials.csv`: what was tried, one row each, the winner first."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]) if rows else ["chosen"], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def write_predictions(path: Path, predictions: Predictions, labels: Labels) -> None:
    """Writes one row per item: name, truth, and the answer as its record says it.

    Names are cells that no spreadsheet takes for a formula: `headstart.output.csv_name` is the way
    back.

    Args:
        path: To write.
        predictions: Of N items.
        labels: Of the same.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    for index, name in enumerate(predictions.names):
        row = columns_of(predictions.record(index))
        del row["name"]
        if not index:
            table.writerow(["name", "truth", *row])
        cells = [f"{each:.5f}" if isinstance(each, float) else each for each in row.values()]
        cells = [name, labels.text(index), *cells]
        table.writerow([csv_cell(each) if isinstance(each, str) else each for each in cells])
    path.write_text(text.getvalue(), encoding="utf-8")


def write_mistakes(
    dataset: Dataset, mistakes: list[dict[str, Any]], folder: Path, draw: Draw | None = None
) -> None:
    """Writes a thumbnail of each listed mistake as `<k>.jpg` into a new folder.

    Args:
        dataset: What they are of.
        mistakes: Each with its ``name``; one with a ``region`` (left, top, right and bottom in
            pixels) is shown with what is around it.
        folder: To make.
        draw: (pixels, name) -> pixels, where an answer is drawn on its image.
    """
    if mistakes:
        folder.mkdir()

    def write(numbered: tuple[int, dict[str, Any]]) -> None:
        number, mistake = numbered
        image = dataset.root / mistake["name"]
        if region := mistake.get("region"):
            left, top, right, bottom = region
            content = region_thumbnail(image, _THUMBNAIL, (left, top, right, bottom))
        else:
            own = None if draw is None else partial(draw, name=mistake["name"])
            content = thumbnail(image, _THUMBNAIL, draw=own)
        (folder / f"{number}.jpg").write_bytes(content)

    collections.deque(ordered_map(write, enumerate(mistakes)), maxlen=0)
