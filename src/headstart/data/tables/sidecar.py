"""The table beside class folders: ``attributes.csv`` adds groups and other columns to items."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import class_labels
from headstart.data.tables.fold_column import fold_column, said_of_folds
from headstart.data.tables.from_table import split_column
from headstart.data.tables.roles import Columns
from headstart.data.tables.tables import FILE_COLUMNS, TABLES, Table, read_table
from headstart.data.words import normal
from headstart.errors import DataError

__all__ = ["add_sidecar", "find_sidecar"]

_STEMS = ("attributes", "metadata")


def find_sidecar(root: Path) -> Path | None:
    """Returns the ``attributes`` or ``metadata`` table in a folder or the one above, if any."""
    for folder in (root, root.resolve().parent):
        for stem in _STEMS:
            for ending in TABLES:
                if (path := folder / (stem + ending)).is_file():
                    return path
    return None


def add_sidecar(dataset: Dataset, columns: Columns | None = None) -> Dataset:
    """Adds the columns of the table beside the images, where there is one.

    Its rows name files relative to itself or to the data set, or by their bare names where
    those are unique; with or without the ending.

    Args:
        dataset: What the folders say.
        columns: Those that were asked for: labels or splits instead of the folders, groups.

    Returns:
        The data set with attributes, and with what was asked for; unchanged when nothing was
        asked for and no table fits.

    Raises:
        DataError: A column was asked for and there is no table, no such column, or no row
            that names any of the images.
    """
    wanted = (columns or Columns()).asked
    image = wanted.pop("image", None)
    label, group, split = (wanted.get(role) for role in ("label", "group", "split"))
    asked = [name for name in (label, group, split) if name]
    path = find_sidecar(dataset.root)
    if path is None:
        if asked:
            deep = any(name.count("/") > 1 for name in dataset.names)
            folders = "; where a folder each says who belongs together: --group folder:N, its level"
            raise DataError(
                f"no column {asked[0]!r}: class folders alone have no columns; put a table "
                f"attributes.csv with the columns file, {', '.join(asked)} into {dataset.root}"
                + (folders if group and deep else "")
            )
        return dataset
    table = read_table(path)
    column = image or table.guess(FILE_COLUMNS)
    rows = _rows(dataset, table, column) if column else np.full(len(dataset), -1)
    found = int((rows >= 0).sum())
    if asked:
        for name in asked:
            table.column(name)
        if not found:
            why = "names none of the images" if column else "has no column that names files"
            raise DataError(f"{path} {why} below {dataset.root}; its first column should be: file")
    if not found:
        # A table in the folder above may belong to something else: say nothing of that.
        ours = path.parent == dataset.root
        return _note(dataset, path, "it names none of the images") if ours else dataset

    def cells(name: str) -> list[str]:
        values = table.column(name)
        return [values[row] if row >= 0 else "" for row in rows]

    added = {name: np.array(cells(name)) for name in table.columns if name != column}
    result = dataclasses.replace(dataset, attributes={**dataset.attributes, **added})
    if group:
        result = dataclasses.replace(result, groups=np.array(cells(group)))
    if label:
        result = dataclasses.replace(result, labels=class_labels(cells(label)))
    if split:
        result = dataclasses.replace(result, splits=split_column(cells(split), path, split))
    said = {
        role: f"column {name} of {path.name}"
        for role, name in (("labels", label), ("groups", group), ("splits", split)) if name
    }  # fmt: skip
    if folds := fold_column(table, {column or "", *asked}):
        known = said.get("splits", result.reading.get("splits", "none"))
        said["splits"] = known + said_of_folds(folds)
    result = dataclasses.replace(result, reading=result.reading | said)
    if found < len(dataset):
        missing = len(dataset) - found
        result = _note(result, path, f"it has no row for {missing} of {len(dataset)} images")
    return result


def _note(dataset: Dataset, path: Path, reason: str) -> Dataset:
    return dataclasses.replace(dataset, set_aside=(*dataset.set_aside, (path.name, reason)))


def _rows(dataset: Dataset, table: Table, column: str) -> np.ndarray:
    """Returns (N,) int: the row of each item, -1 where there is none."""
    cells = [normal(c).replace("\\", "/").removeprefix("./") for c in table.column(column)]
    # Later rows must not hide earlier ones, so the index is filled from the end.
    index = {cell: row for row, cell in reversed(list(enumerate(cells)))}
    names = [normal(name) for name in dataset.names]
    best = np.full(len(dataset), -1)
    for start in ("", normal(dataset.root.resolve().name) + "/"):
        for ends in (names, [os.path.splitext(name)[0] for name in names]):
            rows = np.array([index.get(start + name, -1) for name in ends])
            best = rows if (rows >= 0).sum() > (best >= 0).sum() else best
    if (best >= 0).any():
        return best
    bare = [name.rpartition("/")[2] for name in names]
    last = {cell.rpartition("/")[2]: row for cell, row in index.items()}
    if len(set(bare)) < len(bare) or len(last) < len(index):
        return best
    stems = [os.path.splitext(name)[0] for name in bare]
    if len(set(stems)) < len(stems):
        stems = bare
    return np.array([last.get(n, last.get(s, -1)) for n, s in zip(bare, stems, strict=True)])
