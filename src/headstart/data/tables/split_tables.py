"""One table of images and labels for each split, read as one data set."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import class_labels
from headstart.data.splits.table_names import split_tables
from headstart.data.tables.from_table import open_table
from headstart.data.tables.roles import Columns
from headstart.data.tables.tables import TABLES
from headstart.data.words import split_word
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["open_beside_folders", "open_split_tables", "tables_by_split", "tables_in_splits"]

_ORDER = ("test", "val", "train")  # what is in two tables is not trained on


def tables_by_split(tables: list[Path]) -> dict[str, Path]:
    """Returns split -> its table, as `split_tables` does; nothing where one table is of none."""
    told = split_tables(tables)
    return told if len(told) == len(tables) > 1 else {}


def tables_in_splits(folder: Path) -> list[Path]:
    """Returns the tables in folders that are called like splits, where each holds just one."""
    homes = [each for each in sorted(folder.iterdir()) if each.is_dir() and split_word(each.name)]
    inside = [[p for p in sorted(h.iterdir()) if p.suffix.lower() in TABLES] for h in homes]
    return [each[0] for each in inside] if all(len(each) == 1 for each in inside) else []


def open_split_tables(tables: dict[str, Path], columns: Columns) -> Dataset:
    """Reads the tables of several splits. An image in two of them is taken for the test.

    Args:
        tables: Split -> its table.
        columns: Those that were asked for.

    Raises:
        DataError: If one cannot be read, their labels are in columns of other names, or one has a
            column of splits of its own.
    """
    kinds = [kind for kind in _ORDER if kind in tables]
    found = [open_table(tables[kind], columns) for kind in kinds]
    names = some_of([tables[kind].name for kind in kinds], 3)
    if any((each.splits != "").any() for each in found):
        raise DataError(
            f"the tables {names} of {tables[kinds[0]].parent} are called like splits, and a column "
            f"of them is one too: give the path of the one meant, or say --split none"
        )
    if len({each.reading["labels"] for each in found}) > 1:
        said = some_of([f"{t.name}: {d.reading['labels']}" for t, d in
                        zip((tables[k] for k in kinds), found, strict=True)], 3)  # fmt: skip
        raise DataError(f"the tables of the splits hold their labels differently ({said})")
    root = Path(os.path.commonpath([os.path.abspath(each.root) for each in found]))
    rows: dict[str, tuple[int, int]] = {}
    aside: list[tuple[str, str]] = [each for one in found for each in one.set_aside]
    for at, one in enumerate(found):
        start = os.path.relpath(os.path.abspath(one.root), root).replace(os.sep, "/")
        for row, name in enumerate(one.names):
            name = name if start == "." else f"{start}/{name}"
            if name in rows:
                other = tables[kinds[rows[name][0]]].name
                aside.append((name, f"in {other} and {tables[kinds[at]].name}; used as in {other}"))
            else:
                rows[name] = at, row
    ordered = sorted(rows)
    picks = [rows[name] for name in ordered]
    shared = [key for key in found[0].attributes if all(key in one.attributes for one in found)]
    groups = None
    if all(one.groups is not None for one in found):
        groups = np.array([str(found[at].groups[row]) for at, row in picks])  # type: ignore[index]
    first, files = found[0], dict.fromkeys(one.reading["files"] for one in found)
    return replace(
        first, root=root, names=tuple(ordered), groups=groups,
        labels=class_labels([found[at].labels.text(row) for at, row in picks]),
        splits=np.array([kinds[at] for at, _ in picks], "U5"),
        attributes={key: np.array([str(found[at].attributes[key][row]) for at, row in picks])
                    for key in shared},
        set_aside=tuple(sorted(set(aside))),
        guessed=frozenset().union(*(one.guessed for one in found)),
        reading=first.reading | {"labels": f"{first.reading['labels']} of {names}",
                                 "files": "; ".join(files),
                                 "splits": f"a table each ({names})"},
    )  # fmt: skip


def open_beside_folders(
    tables: dict[str, Path], folders: Dataset, columns: Columns
) -> Dataset | None:
    """Reads the tables of splits beside class folders, where they say of more images what these do.

    The test of GTSRB lies in one folder, and ``Test.csv`` says the classes; ``Train.csv`` says of
    every other image the very folder that it lies in, so that both speak of the same classes.

    Args:
        tables: Split -> its table.
        folders: What the folders say.
        columns: Those that were asked for.

    Returns:
        None where the tables name no further image, or say otherwise.
    """
    if len(tables) < 2 or columns.label is not None:
        return None
    try:
        found = open_split_tables(tables, columns)
    except DataError:
        return None
    prefix = os.path.relpath(os.path.abspath(folders.root), found.root).replace(os.sep, "/")
    start = "" if prefix == "." else f"{prefix}/"
    told = {name: found.labels.text(row) for row, name in enumerate(found.names)}
    known = [(told.get(start + name), folders.labels.text(row))
             for row, name in enumerate(folders.names) if folders.labels.known[row]]  # fmt: skip
    if len(found) <= len(known) or not found.labelled.all() or any(a != b for a, b in known):
        return None
    said = f"{found.reading['labels']}, as the folders have them"
    return replace(found, reading=found.reading | {"labels": said})
