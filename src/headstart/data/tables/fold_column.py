"""Columns that number folds of a cross-validation: neither classes nor train and test."""

from __future__ import annotations

import re

from headstart.data.tables.tables import Table

__all__ = ["fold_column", "said_of_folds"]

_NAMES = re.compile(
    r"((stratified|strat|group|cross|validation|val|cv|s?k)[ _.-]?)*(folds?|cv)"
    r"([ _.-]?(ids?|idx|index|no|nr|num|number|k))?",
    re.I,
)
_NUMBER = re.compile(r"(?:k?fold|cv)?[ _.-]?-?(\d{1,2})(?:\.0)?", re.I)
_MOST = 30


def fold_column(table: Table, taken: set[str]) -> str | None:
    """Returns the column that numbers folds, by its name and by what is in it; None without one.

    Args:
        table: R rows.
        taken: Columns that are something else.
    """
    for name, column in table.columns.items():
        if name in taken or not _NAMES.fullmatch(name.strip()):
            continue
        cells = {cell for cell in column if cell}
        if 1 < len(cells) <= _MOST and all(map(_NUMBER.fullmatch, cells)):
            return name
    return None


def said_of_folds(name: str) -> str:
    """Returns what to say of such a column: it is not used, and how it would be."""
    return f" (column {name} numbers folds and was left alone; --group {name} keeps each whole)"
