"""Boxes that stand one after the other in a cell, each behind its class: ``n02 85 1 499 272 …``.

So are Kaggle's tables of ImageNet (`LOC_val_solution.csv`) and of other contests.
"""

from __future__ import annotations

import re

from headstart.data.tables.tables import Table

__all__ = ["SIDES", "listed_boxes", "spread_boxes", "with_class_of_boxes"]

SIDES = ("xmin", "ymin", "xmax", "ymax")
_BOX = re.compile(r"([^\W\d]\S*)((?:\s+-?\d+(?:\.\d+)?){4})(?:\s+|$)")


def listed_boxes(table: Table) -> str | None:
    """Returns the column whose cells are lists of a class and four numbers; None without one."""
    for name, cells in table.columns.items():
        known = [cell for cell in cells if cell]
        if known and all(not _BOX.sub("", cell) for cell in known):
            return name
    return None


def spread_boxes(table: Table, name: str) -> Table:
    """Returns the table with a row for each box; a row whose cell is empty stays one.

    Args:
        table: R rows.
        name: The column that lists boxes; instead of it the class and four sides come.
    """
    rest = [key for key in table.columns if key not in (name, "label", *SIDES)]
    columns: dict[str, list[str]] = {key: [] for key in (*rest, "label", *SIDES)}
    for row, cell in enumerate(table.columns[name]):
        for label, sides in _BOX.findall(cell) or [("", "")]:
            told = [table.columns[key][row] for key in rest]
            numbers = sides.split() or [""] * 4
            for key, value in zip(columns, (*told, label, *numbers), strict=True):
                columns[key].append(value)
    return Table(table.path, columns)


def with_class_of_boxes(table: Table) -> Table:
    """Returns the table with the class instead of the boxes, where each image shows one only."""
    name = listed_boxes(table)
    if name is None:
        return table
    kinds = [{label for label, _ in _BOX.findall(cell)} for cell in table.columns[name]]
    if any(len(each) > 1 for each in kinds):
        return table
    return Table(table.path, table.columns | {name: ["".join(each) for each in kinds]})
