"""A table with a column of images and one of masks, as a data set."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.choices import MaskValues
from headstart.data.dataset import Dataset
from headstart.data.masks.mask_labels import mask_labels
from headstart.data.masks.parts import Annotated
from headstart.data.masks.splits import with_splits
from headstart.data.reading import NothingDrawn
from headstart.data.tables.code_names import code_names
from headstart.data.tables.from_table import split_column
from headstart.data.tables.locate import Located, locate
from headstart.data.tables.roles import NONE, Columns, Roles, roles_of
from headstart.data.tables.tables import Table, read_table
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["MASK_COLUMNS", "holds_masks", "names_masks_of_things", "open_mask_table"]

MASK_COLUMNS = (
    *("mask", "masks", "mask_path", "mask_file", "mask_filename", "mask_name", "maskpath"),
    *("segmentation", "segmentation_path", "seg", "seg_path", "annotation", "annotation_path"),
    *("label_path", "label_file", "gt", "gt_path", "ground_truth", "groundtruth"),
)


def holds_masks(path: Path, columns: Columns) -> bool:
    """Tells whether a table names masks, and no column says a class of each image instead."""
    try:
        table = read_table(path)
        mask = table.guess(MASK_COLUMNS)
        if mask is None or columns.asked.get("label") is not None:
            return False
        roles = roles_of(_without(table, mask), columns)
        cells = [cell for cell in table.columns[mask] if cell][:50]
        return roles.label is None and bool(cells) and any(locate(path, cells).there)
    except DataError:
        return False


def names_masks_of_things(path: Path) -> bool:
    """Tells whether a table has a row for the mask of each thing, as that of Open Images has."""
    try:
        with open(path, "rb") as stream:
            head = stream.readline(4096).decode("utf-8", "replace").lower()
    except OSError:
        return False
    return {"maskpath", "imageid", "labelname"} <= {cell.strip(' "') for cell in head.split(",")}


def open_mask_table(path: Path, columns: Columns, *, how: MaskValues = "auto") -> Dataset:
    """Reads a table with one row for each image and its mask, or for each part of a mask.

    Rows without a mask are not annotated. Where the masks of an image are several, each of one
    class, a column must say which: it is asked for as the label.

    Args:
        path: A CSV, TSV or Parquet file.
        columns: Those that were asked for.
        how: How the values of masks are read.

    Raises:
        DataError: If no column names masks, most files are not there, or two readings fit.
    """
    table = read_table(path)
    mask = _mask_column(table, columns)
    rest = _without(table, mask)
    roles = roles_of(rest, columns)
    shown = roles.label if columns.label not in (None, NONE) else None
    if columns.label is None and names_masks_of_things(path):
        shown = table.guess(("labelname",))
    images = locate(path, table.columns[roles.image])
    masks = _located_masks(path, table.columns[mask])
    rows, aside = _rows(path, images, masks)
    names = sorted(rows)
    asked = shown is not None
    cells = table.columns[shown] if shown else [""] * len(images.names)
    called, naming = code_names(path, set(cells))
    cells = [called.get(cell, cell) for cell in cells]
    found = []
    for name in names:
        theirs = [row for row in rows[name] if masks.names[row] and masks.there[row]]
        if asked and any(not cells[row] for row in theirs):
            aside.append((name, f"its column {shown} is empty"))
            theirs = []
        if not asked and len({masks.names[row] for row in theirs}) > 1:
            aside.append((name, "several rows with different masks; --label COLUMN says of what"))
            theirs = []
        theirs = theirs if asked else theirs[:1]
        paths = tuple(masks.root / masks.names[row] for row in theirs)
        found.append(Annotated(paths, tuple(cells[row] for row in theirs)))
    origin = f"column {shown}" if shown else ""
    origin += ", as asked" if columns.label else ""
    learnt = mask_labels(found, root=path.parent, how=how, origin=origin)
    if learnt.binary and roles.label and not asked and columns.label != NONE:
        kinds = len(set(table.columns[roles.label]) - {""})
        if kinds > 1:
            raise DataError(
                f"the masks of {path} have two values, and its column {roles.label} has {kinds} "
                f"different ones: say --label {roles.label} if it says what the masks show, or "
                f"--label none if all of them show the same"
            )
    dataset = _dataset(path, table, roles, images, {n: rows[n][0] for n in names})
    own = {roles.image, mask, roles.split, shown}
    return with_splits(
        replace(
            dataset,
            labels=learnt.masks,
            attributes={k: v for k, v in dataset.attributes.items() if k not in own},
            set_aside=tuple(sorted({*aside, *learnt.set_aside})),
            reading=dataset.reading | {"labels": f"column {mask}, {learnt.reading}{naming}"},
        )
    )


def _without(table: Table, mask: str) -> Table:
    return Table(table.path, {k: v for k, v in table.columns.items() if k != mask})


def _mask_column(table: Table, columns: Columns) -> str:
    mask = table.guess(MASK_COLUMNS)
    if mask is not None and mask not in columns.asked.values():
        return mask
    there = ", ".join(table.columns)
    raise NothingDrawn(
        f"no column of {table.path} is called mask; its columns are: {there}. Call the one that "
        f"names the masks so"
    )


def _located_masks(path: Path, cells: list[str]) -> Located:
    """Finds the masks, in a folder of masks before all others."""
    if any(cells):
        return locate(path, cells)
    raise DataError(f"{path} names no mask in any row")


def _rows(
    path: Path, images: Located, masks: Located
) -> tuple[dict[str, list[int]], list[tuple[str, str]]]:
    """Returns image -> its rows, and what is left out and why.

    Raises:
        DataError: If more than half of the images, or of the masks, are not there.
    """
    for what, files in (("images", images), ("masks", masks)):
        named = [row for row, name in enumerate(files.names) if name]
        missing = [files.names[row] for row in named if not files.there[row]]
        if 2 * len(missing) > len(named):
            raise DataError(
                f"{len(missing)} of {len(named)} {what} named in {path} are not there, such as "
                f"{some_of(sorted(missing), 3)}; paths are looked for from {files.root}"
            )
    rows: dict[str, list[int]] = defaultdict(list)
    aside = []
    for row, name in enumerate(images.names):
        doubt = images.doubtful.get(row) or masks.doubtful.get(row)
        if not name:
            aside.append((f"{path.name}, row {row + 2}", "it names no image"))
        elif doubt:
            aside.append((f"{path.name}, row {row + 2}", doubt))
        elif not images.there[row]:
            aside.append((name, "named in the table, but not there"))
        else:
            rows[name].append(row)
            if masks.names[row] and not masks.there[row]:
                aside.append((masks.names[row], "a mask named in the table, but not there"))
    return rows, aside


def _dataset(
    path: Path, table: Table, roles: Roles, images: Located, first: dict[str, int]
) -> Dataset:
    """Returns images with what the first row of each says, before anything is known of masks."""
    from headstart.data.labels import Classes

    rows = list(first.values())
    cells = {name: [column[row] for row in rows] for name, column in table.columns.items()}
    said = {"files": f"{roles.reading['files']}, {images.said}"} if images.said else {}
    return Dataset(
        root=images.root,
        names=tuple(first),
        labels=Classes((), np.full(len(first), -1)),
        splits=split_column(
            cells[roles.split] if roles.split else [""] * len(first), path, roles.split
        ),
        groups=np.array(cells[roles.group]) if roles.group else None,
        attributes={name: np.array(column) for name, column in cells.items()},
        source="table",
        task="segmentation",
        reading=roles.reading | said,
        guessed=roles.guessed | ({"files"} if said else set()),
    )
