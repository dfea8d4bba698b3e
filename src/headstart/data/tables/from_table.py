"""`open_table`: a table of images, one row per image, as a data set."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import class_labels
from headstart.data.splits.split_flags import holds_flags, splits_of_flags
from headstart.data.tables.box_columns import box_columns
from headstart.data.tables.fold_column import fold_column
from headstart.data.tables.listed_boxes import with_class_of_boxes
from headstart.data.tables.locate import Located, locate
from headstart.data.tables.one_hot import one_hot_classes
from headstart.data.tables.roles import Columns, roles_of
from headstart.data.tables.tables import Table, read_table
from headstart.data.words import split_name
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["open_table", "split_column", "with_table_name"]

_WHY = re.compile(r" \((guessed|no column |--task )")  # after a column, whose name may have (g)


def open_table(path: Path, columns: Columns | None = None) -> Dataset:
    """Reads a table of images: one row per image.

    Where the files are is told by `data.tables.locate`, which column is what by
    `data.tables.roles`. Columns not asked for become attributes.

    Args:
        path: A CSV, TSV or Parquet file.
        columns: Those that were asked for.

    Returns:
        The items in the order of their names; without a label column all are unlabelled.

    Raises:
        DataError: A column is missing, more than half of the files are missing, a split has
            an unknown name, many files have several labels, or something can be read in two ways.
    """
    table = with_class_of_boxes(read_table(path))
    if not next(iter(table.columns.values()), []):
        raise DataError(f"{path} has a header and no rows; it needs one row for each image")
    roles = roles_of(table, columns or Columns())
    told = table.columns[roles.label] if roles.label else None
    if told and 2 * sum(cell.startswith(("[{", "{")) for cell in told) > len(told):
        raise DataError(
            f"column {roles.label} of {path} holds records, as Label Studio's tables of boxes and "
            f"outlines do, and no classes: export it as JSON or COCO instead, or name another "
            f"column with --label"
        )
    flags: tuple[str, ...] = ()
    if told is None and (columns is None or columns.label is None):
        taken = {name for name in (roles.image, roles.split, roles.group) if name}
        taken |= {name} if (name := fold_column(table, taken)) else set()
        flags, told = one_hot_classes(table, taken)
        told = told if flags else None
    files = locate(path, table.columns[roles.image])
    names = files.names
    keep, set_aside = _usable(table, files, told)
    keep.sort(key=names.__getitem__)
    cells = {name: [column[row] for row in keep] for name, column in table.columns.items()}
    nothing = [""] * len(keep)
    own = (roles.image, roles.label, roles.split, *flags)
    said = {"files": f"{roles.reading['files']}, {files.said}"} if files.said else {}
    if flags:
        said["labels"] = f"columns {some_of(flags, 6)}, of which one is 1 in every row"
    elif found := box_columns(table):
        known, sides = roles.reading["labels"], ", ".join(found.names)
        said["labels"] = f"{known}, not {sides} (--task detection reads those as boxes)"
    return Dataset(
        root=files.root,
        names=tuple(names[row] for row in keep),
        labels=class_labels([told[row] for row in keep] if told else nothing),
        splits=split_column(cells[roles.split] if roles.split else nothing, path, roles.split),
        groups=np.array(cells[roles.group]) if roles.group else None,
        attributes={k: np.array(v) for k, v in cells.items() if k not in own},
        source="table",
        set_aside=tuple(set_aside),
        reading=roles.reading | said,
        guessed=roles.guessed | ({"files"} if files.said else set()),
    )


def with_table_name(dataset: Dataset, file: str) -> Dataset:
    """Says of which table of a folder the labels are.

    Args:
        dataset: Of that table.
        file: Its name.
    """
    known, why = dataset.reading["labels"], ""
    if (at := _WHY.search(known)) is not None:
        known, why = known[: at.start()], known[at.start() :]
    said = {"labels": f"{known} of {file}{why}"}
    return dataclasses.replace(dataset, reading=dataset.reading | said)


def split_column(cells: list[str], path: Path, name: str | None = None) -> np.ndarray:
    """Returns (N,) str of train, val, test or nothing.

    Args:
        cells: N cells.
        path: The table, for errors.
        name: Of the column, which may say itself of which split its yes is (``is_valid``).

    Raises:
        DataError: A cell is none of these.
    """
    if name and holds_flags(name, cells):
        return np.array(splits_of_flags(name, cells), "U5")
    known = {cell: split_name(cell) if cell else "" for cell in set(cells)}
    odd = sorted(cell for cell, name in known.items() if name is None)
    if odd:
        raise DataError(f"unknown split {odd[0]!r} in {path}; use train, val or test")
    return np.array([known[cell] for cell in cells], "U5")


def _usable(
    table: Table, files: Located, labels: list[str] | None
) -> tuple[list[int], list[tuple[str, str]]]:
    """Returns the rows to keep (one per existing file), and what was set aside and why."""
    path, columns = table.path, table.columns.values()
    set_aside: list[tuple[str, str]] = []
    first: dict[str, int] = {}
    clashes: set[str] = set()
    for row, name in enumerate(files.names):
        if not name and not any(column[row] for column in columns):
            continue  # spreadsheets end in such rows
        if not name:
            set_aside.append((f"{path.name}, row {row + 2}", "it names no file"))
        elif row in files.doubtful:
            set_aside.append((f"{path.name}, row {row + 2}", files.doubtful[row]))
        elif name not in first:
            first[name] = row
        elif labels is not None and labels[row] != labels[first[name]]:
            clashes.add(name)
        else:
            set_aside.append((name, "named twice in the table; taken once"))
    if len(clashes) > max(5, len(first) // 10):
        raise DataError(
            f"{len(clashes)} files of {path} have several labels, such as {min(clashes)}; "
            "give each image one row with one class"
        )
    if 2 * len(files.doubtful) > len(files.names):
        row, why = next(iter(files.doubtful.items()))
        raise DataError(
            f"{path} names most files without their endings, and more than one fits "
            f"(row {row + 2}: {why}): write the endings"
        )
    set_aside += [(name, "its rows in the table disagree about the label") for name in clashes]
    missing = sorted(name for name, row in first.items() if not files.there[row])
    if 2 * len(missing) > len(first):
        some = some_of(missing, 3)
        raise DataError(
            f"{len(missing)} of {len(first)} files named in {path} are not there, such as {some}; "
            f"paths are looked for from {files.root}"
        )
    set_aside += [(name, "named in the table, but not there") for name in missing]
    keep = [row for name, row in first.items() if files.there[row] and name not in clashes]
    return keep, sorted(set_aside)
