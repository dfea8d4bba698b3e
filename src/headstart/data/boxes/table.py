"""A table with a row for each box, read as annotations."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from headstart.data.annotations.box_notes import BoxNotes, NotedBox, NotedImage, tidied
from headstart.data.annotations.place_images import place_images
from headstart.data.files.image_sizes import image_sizes
from headstart.data.files.scan import EXTENSIONS, Tree
from headstart.data.tables.box_columns import BoxColumns, box_columns, decide_corners
from headstart.data.tables.code_names import code_names
from headstart.data.tables.fold_column import fold_column, said_of_folds
from headstart.data.tables.listed_boxes import SIDES, listed_boxes, spread_boxes
from headstart.data.tables.roles import NONE, Columns, roles_of
from headstart.data.tables.tables import FILE_COLUMNS, Table, read_table
from headstart.data.words import plural, split_name
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["boxes_in", "read_box_table"]

_IMAGES = (*FILE_COLUMNS, "imageid", "image_id", "img_id", "id", "external_id", "frame")
_LABELS = ("label", "class", "name", "class_name", "label_name", "labelname", "category",
           "category_name", "target", "species", "class_id", "category_id", "labels")  # fmt: skip
_FLAGS = {
    "crowd": ("iscrowd", "crowd", "is_crowd", "isgroupof", "group_of"),
    "difficult": ("difficult", "is_difficult", "ignore"),
    "truncated": ("truncated", "is_truncated", "istruncated"),
}
_YES = frozenset({"1", "true", "yes", "1.0"})


def boxes_in(path: Path, *, sure: bool) -> bool:
    """Tells whether a table holds boxes.

    Args:
        path: The table.
        sure: Whether it was said that there are boxes; else columns that could be something else
            (x, y, width, height) are boxes only where images have several rows.
    """
    try:
        table, found = _with_header(path)
    except DataError:
        return False
    image = table.guess(_IMAGES)
    if found is None or (image is None and not sure):
        return False
    cells = table.columns[image] if image else []
    return sure or found.plain or len(set(cells)) < len(cells)


def _with_header(path: Path) -> tuple[Table, BoxColumns | None]:
    """Reads a table; one without a header that names image, four numbers and class gets one."""
    try:
        with open(path, "rb") as stream:
            line = stream.readline(4096).decode("utf-8-sig", errors="replace")
    except OSError:
        line = ""
    cells = [cell.strip(' "') for cell in re.split(r"[,;\t|]", line.strip("\r\n"))]
    if len(cells) == 6 and os.path.splitext(cells[0])[1].lower() in EXTENSIONS:
        header = ("image", "a", "b", "c", "d", "label")
        return read_table(path, header), BoxColumns(header[1:5], "")
    table = read_table(path)
    if (listed := listed_boxes(table)) is not None:
        sure = listed.lower() == "predictionstring"  # Kaggle's, whose numbers are corners
        return spread_boxes(table, listed), BoxColumns(SIDES, "corners" if sure else "")
    return table, box_columns(table)


def read_box_table(path: Path, tree: Tree, columns: Columns) -> BoxNotes:
    """Reads a table with a row for each box; a row without numbers says that nothing is there.

    Whether numbers are corners or sizes, and pixels or shares of the image, is decided over the
    whole file.

    Args:
        path: A CSV, TSV or Parquet file.
        tree: The images.
        columns: Those that were asked for.

    Raises:
        DataError: If it holds no boxes, or they can be read in two ways.
    """
    table, found = _with_header(path)
    if found is None:
        there = ", ".join(table.columns)
        raise DataError(
            f"{path} has no columns of boxes, such as xmin, ymin, xmax, ymax or x, y, width, "
            f"height; its columns are: {there}"
        )
    cells, labels, splits, roles = _columns(table, found, columns)
    called, naming = code_names(path, set(labels))
    rows: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(cells):
        rows[name].append(row)
    nameless = rows.pop("", [])
    aside = [(f"{path.name}, row {row + 2}", "it names no image") for row in nameless]
    numbers = found.numbers(table)
    homes, _ = place_images(tree.names, dict.fromkeys(rows, ""))
    sizes = _sizes(tree, homes, rows, len(cells))
    relative = _are_shares(numbers, path)
    frame = np.ones_like(sizes) if relative else sizes
    corners, said = decide_corners(numbers, frame, found.kind, path)
    stated = [_whole(table.columns[name]) for name in found.stated] or [[0] * len(cells)] * 2
    flags = {
        kind: [cell.lower() in _YES for cell in table.columns[flag]]
        for kind, names in _FLAGS.items() if (flag := table.guess(names))
    }  # fmt: skip
    empty = np.isnan(numbers).all(axis=1)
    drawn = {labels[row] if labels else "object" for row in np.flatnonzero(~empty)}
    images = {}
    for name, theirs in rows.items():
        boxes, flaws = [], []
        for row in theirs:
            code = labels[row] if labels else "object"
            label, flaw = tidied(called.get(code, code))
            if empty[row] and (len(theirs) == 1 or not label or code not in drawn):
                continue  # no box of "No finding" anywhere: it says that nothing is there
            flaws += [flaw] if flaw else []
            box = tuple(float(each) for each in corners[row])
            told = {kind: given[row] for kind, given in flags.items()}
            boxes.append(NotedBox(box, label, **told))  # type: ignore[arg-type]
        size = (stated[0][theirs[0]], stated[1][theirs[0]])
        split, twice = _split_of([splits[row] for row in theirs]) if splits else ("", "")
        aside += [(name, twice)] if twice else []
        images[name] = NotedImage(tuple(boxes), size, "; ".join(dict.fromkeys(flaws)), split)
    unit = "shares of the image" if relative else "pixels"
    return BoxNotes(
        images, f"{path.name} ({plural(len(cells) - len(nameless), 'row')})",
        said=f"columns {', '.join(found.names)} as {said}, in {unit}{roles}{naming}",
        relative=relative,
        set_aside=tuple(aside), splits="by a column" if splits else "",
        guessed=not found.kind, columns=_of_images(table, rows, (cells, labels, splits)),
    )  # fmt: skip


def _split_of(cells: Sequence[str]) -> tuple[str, str]:
    """Returns the split of an image, and what to say where its rows are of two: the last it is."""
    order = ("", "train", "val", "test")
    told = sorted({split_name(cell) or "" for cell in cells}, key=order.index)
    said = f"its rows are of {some_of([each for each in told if each], 3)}; taken for {told[-1]}"
    return told[-1], said if len([each for each in told if each]) > 1 else ""


def _of_images(
    table: Table, rows: dict[str, list[int]], used: Sequence[list[str]]
) -> dict[str, dict[str, str]]:
    """Returns the columns that say the same in all rows of each image: name -> image -> cell.

    Args:
        table: R rows.
        rows: Image -> its rows.
        used: The cells of columns that are read already.
    """
    kept = {}
    for name, cells in table.columns.items():
        if any(cells is each for each in used):
            continue
        told = {image: {cells[row] for row in theirs} for image, theirs in rows.items()}
        if all(len(each) == 1 for each in told.values()):
            kept[name] = {image: each.pop() for image, each in told.items()}
    return kept


def _columns(
    table: Table, found: BoxColumns, columns: Columns
) -> tuple[list[str], list[str], list[str], str]:
    """Returns images, labels and splits of the rows, and what is to be said of them."""
    own = {*found.names, *found.stated}
    rest = Table(table.path, {k: v for k, v in table.columns.items() if k not in own})
    asked = columns.asked
    image = asked.get("image") or rest.guess(_IMAGES)
    if image is None:
        image = roles_of(rest, Columns(NONE, NONE, NONE)).image
    label = asked.get("label") or rest.guess(tuple(n for n in _LABELS if n != image.lower()))
    if columns.label == NONE:
        label = None
    split = asked.get("split") or (rest.guess(("split", "subset")) if not columns.split else None)
    splits = rest.columns[split] if split else []
    odd = sorted({cell for cell in splits if cell and split_name(cell) is None})
    if odd and "split" in asked:
        raise DataError(f"unknown split {odd[0]!r} in {table.path}; use train, val or test")
    splits = [] if odd else splits
    said = f"; classes of column {label}" if label else "; no column of classes: one, object"
    folds = fold_column(rest, {each for each in (image, label, split) if each} | {*asked.values()})
    said += said_of_folds(folds) if folds else ""
    return rest.column(image), rest.column(label) if label else [], splits, said


def _sizes(tree: Tree, homes: dict[str, str], rows: dict[str, list[int]], count: int) -> np.ndarray:
    """Returns (R, 2) sizes of the images of the rows, of some hundred images; else zeros."""
    some = sorted(homes)[:: max(1, len(homes) // 400)]
    known, _ = image_sizes([tree.root / name for name in some])
    sizes = np.zeros((count, 2), np.int64)
    for name, size in zip(some, known, strict=True):
        sizes[rows[homes[name]]] = size
    return sizes


def _are_shares(numbers: np.ndarray, path: Path) -> bool:
    """Tells whether numbers are shares of the image: none is above 1.

    Raises:
        DataError: If most are, and some are not.
    """
    largest = np.nanmax(np.abs(numbers), axis=1, initial=0, where=~np.isnan(numbers))
    some = largest[~np.isnan(numbers).any(axis=1)]
    small = some <= 1.02
    if not len(some) or not small.any() or (some == 0).all():
        return False
    if small.all():
        return True
    if 2 * small.sum() > len(some):
        raise DataError(
            f"most boxes of {path} are shares of the image (0 to 1), and "
            f"{int((~small).sum())} are not, such as row "
            f"{int(np.flatnonzero(largest > 1.02)[0]) + 2}: write all in one way"
        )
    return False


def _whole(cells: Sequence[str]) -> list[int]:
    found = []
    for cell in cells:
        try:
            found.append(max(0, int(float(cell))))
        except (ValueError, OverflowError):
            found.append(0)
    return found
