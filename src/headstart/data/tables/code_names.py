"""What codes of classes are called, where a file beside the annotations says so."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from headstart.data.dataset import Dataset
from headstart.data.files.scan import EXTENSIONS
from headstart.data.labels import Classes, class_labels
from headstart.data.tables.tables import text_of
from headstart.data.words import normal
from headstart.errors import DataError

__all__ = ["code_names", "with_code_names"]

_WORDS = ("class", "label", "categor", "description", "names", "species", "cat_to_")
_ENDINGS = (".csv", ".tsv", ".json")
_CODE = re.compile(r"\d+|n\d{8}|/m/\w+")  # a number, one of WordNet, one of Freebase
_OPEN_IMAGES = "class-descriptions-boxable.csv"
_MOST_BYTES = 1 << 22


def code_names(table: Path, labels: Iterable[str]) -> tuple[dict[str, str], str]:
    """Returns what the classes of a table are called, by a table of codes and names beside it.

    Open Images writes ``/m/01g317``, and ``class-descriptions-boxable.csv`` says that this is a
    person. Such a table is called after classes or labels, has two columns, with or without a
    header, and knows every class that is used; or it is a dictionary in JSON, either way round.

    Args:
        table: The annotations.
        labels: Their classes.

    Returns:
        Code -> name, and what is to be said of it; nothing where there is no such file.

    Raises:
        DataError: If two files name the codes differently.
    """
    used = {label for label in labels if label}
    found = _found(table.parent, used, but=table)
    for names, file in found[1:]:
        if names != found[0][0]:
            raise DataError(
                f"{found[0][1]} and {file} beside {table} name the classes differently: delete the "
                f"one that is wrong"
            )
    if found:
        return found[0][0], f", called as {found[0][1]} says"
    coded = any(label.startswith("/m/") for label in used)
    return {}, f" (codes; {_OPEN_IMAGES} beside the table would name them)" if coded else ""


def with_code_names(dataset: Dataset, folder: Path) -> Dataset:
    """Calls the classes of a table by their names, where these are codes and one file knows all.

    Args:
        dataset: Of a table.
        folder: Where such files are looked for.
    """
    labels = dataset.labels
    if dataset.source != "table" or not isinstance(labels, Classes) or not labels.names:
        return dataset
    if not all(_CODE.fullmatch(name) for name in labels.names):
        return dataset
    known = dataset.reading["labels"]
    found = _found(folder, set(labels.names))
    if any(names != found[0][0] for names, _ in found):
        said = f"{known}; {found[0][1]} and {found[1][1]} name them differently: neither is taken"
        return replace(dataset, reading=dataset.reading | {"labels": said})
    if not found:
        return dataset
    names, file = found[0]
    named = class_labels([names.get(labels.text(row), "") for row in range(len(dataset))])
    said = f"{known}, called as {file} says"
    return replace(dataset, labels=named, reading=dataset.reading | {"labels": said})


def _found(
    folder: Path, used: set[str], but: Path | None = None
) -> list[tuple[dict[str, str], str]]:
    """Returns code -> name by each file of a folder that knows all codes, and that file."""
    found = []
    for path in sorted(folder.iterdir()) if used else ():
        called = any(word in path.stem.lower() for word in _WORDS)
        if called and path != but and path.suffix.lower() in _ENDINGS:
            names = _names(path, used)
            found += [(names, path.name)] if names else []
    return found


def _names(path: Path, used: set[str]) -> dict[str, str]:
    """Returns the names of all codes that are used, whichever of two columns holds these."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        text = text_of(path.read_bytes())
    except OSError:
        return {}
    rows = _pairs_of_json(text) if path.suffix.lower() == ".json" else _pairs_of_rows(text)
    for code, name in ((0, 1), (1, 0)):
        pairs = [(normal(row[code]), normal(row[name])) for row in rows]
        told = {key: value for key, value in pairs if key in used and value}
        if set(told) != used or all(value.isdecimal() for value in told.values()):
            continue
        if any(Path(value).suffix.lower() in EXTENSIONS for value in told.values()):
            continue  # the labels themselves, an image each
        if len(set(told.values())) < len(told):
            continue
        if all(told[key] == value for key, value in pairs if key in used and value):
            return told
    return {}


def _pairs_of_rows(text: str) -> list[list[str]]:
    """Returns the rows of a table of two columns; nothing of another."""
    between = max(",;\t|", key=text.partition("\n")[0].count)
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=between) if row]
    return rows if all(len(row) == 2 for row in rows) else []


def _pairs_of_json(text: str) -> list[list[str]]:
    """Returns the keys and values of a dictionary of words and numbers; nothing of another."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, dict) or not all(type(each) in (str, int) for each in found.values()):
        return []
    return [[key, str(value)] for key, value in found.items()]
