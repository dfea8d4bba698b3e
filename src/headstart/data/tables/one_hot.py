"""Classes written as a column each, of which exactly one is 1 in every row."""

from __future__ import annotations

import numpy as np

from headstart.data.tables.tables import Table

__all__ = ["one_hot_classes"]

_CELLS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
_FEWEST = 3  # two columns of yes and no may well be two questions that happen to exclude each other


def one_hot_classes(table: Table, taken: set[str]) -> tuple[tuple[str, ...], list[str]]:
    """Returns the columns that are the classes, and the class of each row; none where not so.

    Args:
        table: R rows.
        taken: Columns that are something else.
    """
    flags = [
        name
        for name, cells in table.columns.items()
        if name not in taken and cells and set(cells) <= set(_CELLS)
    ]
    if len(flags) < _FEWEST:
        return (), []
    marks = np.array([[_CELLS[cell] for cell in table.columns[name]] for name in flags])
    used = marks.any(axis=1)  # a class of which there is none, such as the unknown of a contest
    if (marks.sum(axis=0) != 1).any() or used.sum() < _FEWEST:
        return (), []
    return tuple(flags), [flags[at] for at in marks.argmax(axis=0)]
