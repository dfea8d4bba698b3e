"""What codes of classes are called, where a table beside the annotations says so."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from headstart.data.tables.tables import text_of
from headstart.data.words import normal
from headstart.errors import DataError

__all__ = ["code_names"]

_WORDS = ("class", "label", "categor", "description", "names", "species")
_ENDINGS = (".csv", ".tsv")
_OPEN_IMAGES = "class-descriptions-boxable.csv"
_MOST_BYTES = 1 << 22


def code_names(table: Path, labels: Iterable[str]) -> tuple[dict[str, str], str]:
    """Returns what the classes of a table are called, by a table of codes and names beside it.

    Open Images writes ``/m/01g317``, and ``class-descriptions-boxable.csv`` says that this is a
    person. Such a table is called after classes or labels, has two columns, with or without a
    header, and knows every class that is used.

    Args:
        table: The annotations.
        labels: Their classes.

    Returns:
        Code -> name, and what is to be said of it; nothing where there is no such file.

    Raises:
        DataError: If two files name the codes differently.
    """
    used = {label for label in labels if label}
    found: list[tuple[dict[str, str], str]] = []
    for path in sorted(table.parent.iterdir()) if used else ():
        called = any(word in path.stem.lower() for word in _WORDS)
        if called and path != table and path.suffix.lower() in _ENDINGS:
            names = _names(path, used)
            found += [(names, path.name)] if names else []
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


def _names(path: Path, used: set[str]) -> dict[str, str]:
    """Returns the names of all codes that are used, whichever of two columns holds these."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        text = text_of(path.read_bytes())
    except OSError:
        return {}
    between = max(",;\t|", key=text.partition("\n")[0].count)
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=between) if row]
    if any(len(row) != 2 for row in rows):
        return {}
    for code, name in ((0, 1), (1, 0)):
        pairs = [(normal(row[code]), normal(row[name])) for row in rows]
        told = {key: value for key, value in pairs if key in used and value}
        if set(told) != used or all(value.isdecimal() for value in told.values()):
            continue
        if all(told[key] == value for key, value in pairs if key in used and value):
            return told
    return {}
