"""`apply_corrections`: labels that somebody looked at and changed, from a CSV file."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np

from headstart.cells import csv_name
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.tables.tables import read_table
from headstart.data.words import normal, plural
from headstart.errors import DataError

__all__ = ["apply_corrections"]

_log = logging.getLogger("headstart.data")
_NEEDED = ("file", "label", "corrected")


def apply_corrections(dataset: Dataset, file: Path) -> Dataset:
    """Returns the data with the labels that a file corrects; rows without a correction stay.

    The file has the columns `file`, `label` (as it was when somebody looked) and `corrected`, as
    the one that `audit` writes. No class is made by it, and no file of the data is changed.

    Args:
        dataset: N items of classes.
        file: CSV, as spreadsheets write it too: with semicolons, in another encoding.

    Raises:
        DataError: If it cannot be read, names an image or a class that is not there, or was made
            for other labels.
    """
    labels = dataset.labels
    if not isinstance(labels, Classes):
        raise DataError(f"--corrections {file}: classes are corrected, and these data have none")
    try:
        columns = read_table(file).columns
    except DataError as error:
        raise DataError(f"--corrections: {error}") from None
    rows = len(next(iter(columns.values()), []))
    if not set(_NEEDED) <= set(columns) or not rows:
        raise DataError(
            f"--corrections {file} needs the columns {', '.join(_NEEDED)}, as the "
            f"label_suspects.csv of an audit has them; its columns are {', '.join(columns)}"
        )
    places = {normal(name): at for at, name in enumerate(dataset.names)}
    numbers = {name: at for at, name in enumerate(labels.names)}
    targets = labels.targets.copy()
    changed = 0
    for row in range(rows):
        cells = {name: csv_name(columns[name][row]).strip() for name in _NEEDED}
        if not cells["corrected"]:
            continue
        where = f"--corrections {file}, line {row + 2}"
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
    told = int((dataset.tested() & (targets != labels.targets)).sum())
    if told:  # by what held-out models said: that alone makes figures better
        said += f", {told:,} of them of the test: its figures go by the corrected labels"
    _log.info("corrections: %s", said)
    return dataclasses.replace(
        dataset,
        labels=Classes(labels.names, np.asarray(targets)),
        reading=dataset.reading | {"corrections": said},
    )
