"""Which columns of a table are the sides of boxes, and what four numbers mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.data.tables.column_words import english_names
from headstart.data.tables.conventions import UNKNOWN_CELLS
from headstart.data.tables.tables import Table
from headstart.errors import DataError

__all__ = ["BoxColumns", "box_columns", "decide_corners"]

_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"), ("x0", "y0", "x1", "y1"),
    ("left", "top", "right", "bottom"), ("minx", "miny", "maxx", "maxy"),
    ("xstart", "ystart", "xend", "yend"),
)  # fmt: skip
_CENTRES = (
    ("xcenter", "ycenter", "width", "height"), ("xcenter", "ycenter", "w", "h"),
    ("xcentre", "ycentre", "width", "height"), ("xcentre", "ycentre", "w", "h"),
    ("cx", "cy", "w", "h"), ("cx", "cy", "width", "height"),
    ("centerx", "centery", "width", "height"),
)  # fmt: skip
_SIZES = (
    ("xmin", "ymin", "width", "height"), ("xmin", "ymin", "w", "h"),
    ("left", "top", "width", "height"), ("x", "y", "width", "height"), ("x", "y", "w", "h"),
    ("x1", "y1", "w", "h"), ("x1", "y1", "width", "height"), ("bx", "by", "bw", "bh"),
)  # fmt: skip
_LISTS = ("bbox", "box", "bounding_box", "boundingbox", "bboxes", "region")
_STATED = (("width", "height"), ("image_width", "image_height"), ("img_width", "img_height"),
           ("imagewidth", "imageheight"))  # fmt: skip
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+")
_COMMA = re.compile(r"[-+]?\d+(,\d+)?")
_ENOUGH, _FEW = 0.95, 0.5


@dataclass(frozen=True)
class BoxColumns:
    """The columns of boxes.

    Attributes:
        names: The four columns, or the one that holds all four numbers.
        kind: ``"corners"``, ``"sizes"`` (left, top, width, height), ``"centres"``, or ``""`` where
            the names do not say.
        stated: The columns of the size of the image, or none.
        plain: Whether the names can mean boxes only.
    """

    names: tuple[str, ...]
    kind: str
    stated: tuple[str, ...] = ()
    plain: bool = True

    def numbers(self, table: Table) -> np.ndarray:
        """Returns (R, 4) float64; NaN where a cell is empty. Decimals may follow a comma.

        Raises:
            DataError: If a cell is something else: it must not pass for "nothing is there".
        """
        cells = [table.columns[name] for name in self.names]
        if len(cells) == 1:
            return _of_lists(cells[0], self.names[0], table.path)
        given = [cell for column in cells for cell in column if cell.lower() not in UNKNOWN_CELLS]
        commas = [cell for cell in given if "," in cell]
        if commas and all(_GROUPED.fullmatch(cell) for cell in commas):
            raise DataError(
                f"{table.path}: {commas[0]!r} may be {commas[0].replace(',', '')} or "
                f"{commas[0].replace(',', '.')}: write pixels without grouping, decimals after a "
                f"point"
            )
        if commas and all(_COMMA.fullmatch(cell) for cell in given):
            cells = [[cell.replace(",", ".") for cell in column] for column in cells]
        rows = [
            [_float(cell, f"{table.path}, row {row + 2}", name) for row, cell in enumerate(column)]
            for name, column in zip(self.names, cells, strict=True)
        ]
        return np.array(rows).T.reshape(-1, 4)


def _of_lists(cells: list[str], name: str, path: Path) -> np.ndarray:
    """Returns (R, 4) of cells that hold all four numbers; NaN where they hold none."""
    rows = [[float(each) for each in _NUMBER.findall(cell)] for cell in cells]
    for row, found in enumerate(rows):
        if found and len(found) != 4:
            raise DataError(
                f"{path}, row {row + 2}: column {name} holds {len(found)} numbers, and a box has "
                f"four; give each box a row of its own"
            )
    return np.array([found or [np.nan] * 4 for found in rows]).reshape(-1, 4)


def _float(cell: str, where: str, name: str) -> float:
    if cell.lower() in UNKNOWN_CELLS:
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        raise DataError(
            f"{where}: {cell!r} of column {name} is no number: write pixels or shares without "
            f"units, and leave the cell empty where nothing is there"
        ) from None


def box_columns(table: Table) -> BoxColumns | None:
    """Returns the columns of a table that are the sides of boxes, told by their names."""
    english = {_bare(name): column for name, column in english_names(table.columns).items()}
    plain = english | {_bare(name): name for name in reversed(table.columns)}
    for kind, families in (("corners", _CORNERS), ("centres", _CENTRES), ("sizes", _SIZES)):
        for family in families:
            if all(name in plain for name in family):
                names = tuple(plain[name] for name in family)
                sizes = [pair for pair in _STATED if all(_bare(n) in plain for n in pair)]
                stated = [tuple(plain[_bare(n)] for n in pair) for pair in sizes]
                free = [pair for pair in stated if not set(pair) & set(names)]
                sure = kind != "sizes" or family[0] not in ("x", "left")
                return BoxColumns(names, kind, free[0] if free else (), sure)
    for name in _LISTS:
        if _bare(name) in plain:
            column = plain[_bare(name)]
            cells = [cell for cell in table.columns[column] if cell][:50]
            if cells and all(len(_NUMBER.findall(cell)) == 4 for cell in cells):
                return BoxColumns((column,), "")
    return None


def _bare(name: str) -> str:
    bare = re.sub(r"[\W_]+", "", name).lower()
    return re.sub(r"^(bbox|bndbox|box)(?=.)", "", bare)


def decide_corners(
    numbers: np.ndarray, sizes: np.ndarray, kind: str, path: Path
) -> tuple[np.ndarray, str]:
    """Makes corners of four numbers a box; what they mean is decided over the whole file.

    Args:
        numbers: (R, 4); NaN where a row has none.
        sizes: (R, 2) width and height of the images (1 and 1 of shares); zeros where not known.
        kind: What the names of the columns say, or "".
        path: The table, for errors.

    Returns:
        (R, 4) left, top, right, bottom, and how they were understood, for people.

    Raises:
        DataError: If names and numbers contradict each other, or both readings fit.
    """
    given = numbers[~np.isnan(numbers).any(axis=1)]
    ends = sizes[~np.isnan(numbers).any(axis=1)].astype(float)
    ends[(ends <= 0).any(axis=1)] = np.inf
    first, second = given[:, :2], given[:, 2:]
    slack = 1.01 * ends + (ends > 1)
    as_corners = _share((second > first).all(axis=1) & (second <= slack).all(axis=1))
    as_sizes = _share((second > 0).all(axis=1) & (first + second <= slack).all(axis=1))
    if kind == "corners" and as_corners < _FEW and as_sizes >= _ENOUGH:
        raise DataError(
            f"the columns of {path} are called like corners, and hold left, top, width and height "
            f"by their numbers: call them x, y, width, height"
        )
    if kind == "sizes" and as_sizes < _FEW and as_corners >= _ENOUGH:
        raise DataError(
            f"the columns of {path} are called width and height, and hold the right and bottom "
            f"sides by their numbers: call them xmin, ymin, xmax, ymax"
        )
    if not kind:
        good = [each for each, share in (("corners", as_corners), ("sizes", as_sizes))
                if share >= _ENOUGH]  # fmt: skip
        if len(good) != 1:
            raise DataError(
                f"the boxes of {path} could be left, top, right, bottom or left, top, width, "
                f"height: {'both' if good else 'neither'} fits its numbers. Write them into four "
                f"columns, called xmin, ymin, xmax, ymax or x, y, width, height"
            )
        kind = good[0]
    if kind == "corners":
        return numbers, "left, top, right, bottom"
    if kind == "sizes":
        corners = np.hstack([numbers[:, :2], numbers[:, :2] + numbers[:, 2:]])
        return corners, "left, top, width, height"
    half = numbers[:, 2:] / 2
    return np.hstack([numbers[:, :2] - half, numbers[:, :2] + half]), "centre, width, height"


def _share(fits: np.ndarray) -> float:
    return float(fits.mean()) if len(fits) else 1.0
