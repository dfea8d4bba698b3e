"""`apply_corrections`: labels that somebody looked at and changed, from a CSV file."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np

from headstart.cells import csv_name
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.words import normal, plural
from headstart.errors import DataError

__all__ = ["apply_corrections"]

_NEEDED = ("file", "label", "corrected")


def apply_corrections(dataset: Dataset, file: Path) -> Dataset:
    """Returns the data with the labels that a file corrects; rows without a correction stay.

    The file has the columns `file`, `label` (as it was when somebody looked) and `corrected`, as
    the one that `audit` writes. No class is made by it, and no file of the data is changed.

    Args:
        dataset: N items of classes.
        file: CSV.

    Raises:
        DataError: If it cannot be read, names an image or a class that is not there, or was made
            for other labels.
    """
    labels = dataset.labels
    if not isinstance(labels, Classes):
        raise DataError(f"--corrections {file}: classes are corrected, and these data have none")
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"--corrections {file} cannot be read: {reason}") from None
    missing = [name for name in _NEEDED if rows and name not in rows[0]]
    if missing or not rows:
        raise DataError(
            f"--corrections {file} needs the columns {', '.join(_NEEDED)}, as the "
            f"label_suspects.csv of an audit has them"
        )
    places = {name: at for at, name in enumerate(dataset.names)}
    numbers = {name: at for at, name in enumerate(labels.names)}
    targets = labels.targets.copy()
    changed = 0
    for line, row in enumerate(rows, 2):
        cells = {name: csv_name(str(row.get(name) or "")).strip() for name in _NEEDED}
        if not cells["corrected"]:
            continue
        where = f"--corrections {file}, line {line}"
        at = places.get(cells["file"])
        if at is None:
            raise DataError(f"{where}: {cells['file']} is not among the images")
        if labels.text(at) != normal(cells["label"]):
            raise DataError(
                f"{where}: {cells['file']} is labelled {labels.text(at) or 'nothing'} now and not "
                f"{cells['label']}: the file was made for other labels"
            )
        number = numbers.get(normal(cells["corrected"]))
        if number is None:
            raise DataError(
                f"{where}: there is no class {cells['corrected']}; choose of "
                f"{', '.join(labels.names[:20])}"
            )
        changed += int(targets[at] != number)
        targets[at] = number
    said = f"{plural(changed, 'label')} changed by {file}"
    return dataclasses.replace(
        dataset,
        labels=Classes(labels.names, np.asarray(targets)),
        reading=dataset.reading | {"corrections": said},
    )
