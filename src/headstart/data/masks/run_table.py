"""A table with run lengths in it (`EncodedPixels`), as the masks that they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from headstart.data.annotations.place_images import place_images
from headstart.data.annotations.shapes import Shape, ShapeMask
from headstart.data.files.image_sizes import image_sizes
from headstart.data.files.scan import EXTENSIONS, Tree
from headstart.data.tables.tables import FILE_COLUMNS, TABLES, Table, read_table
from headstart.data.tools.coco import DrawnMasks
from headstart.errors import DataError

__all__ = ["holds_runs", "read_runs", "run_tables"]

_RUNS = ("encodedpixels", "encoded_pixels", "rle", "rle_mask", "mask_rle", "segmentation",
         "annotation")  # fmt: skip
_IMAGES = ("imageid", "image_id", "img_id", "id", *FILE_COLUMNS)
_CLASSES = ("classid", "class_id", "class", "label", "category", "class_name")
_BOTH = ("image_label", "imageid_classid", "image_id_class_id")
_PAIRS = re.compile(r"\d+ +\d+(?: +\d+ +\d+)*")
_NOTHING = frozenset({"", "-1", "nan"})
_LOOKED_AT = 40  # images by which it is told how the runs go


def holds_runs(path: Path) -> bool:
    """Tells whether a table has a column of pairs of numbers that is called like run lengths."""
    try:
        with open(path, "rb") as stream:
            head = stream.readline(4096).lower().replace(b"\0", b"")
        if not any(word.encode() in head for word in _RUNS):
            return False
        table = read_table(path)
    except (DataError, OSError):
        return False
    column = table.guess(_RUNS)
    cells = table.columns[column][:2000] if column else []
    given = [cell for cell in cells if cell.lower() not in _NOTHING]
    return bool(given) and all(_PAIRS.fullmatch(cell) for cell in given)


def run_tables(folder: Path) -> list[Path]:
    """Returns the tables of a folder with run lengths; one to be handed in is none."""
    found = [each for each in sorted(folder.iterdir()) if each.suffix.lower() in TABLES]
    return [p for p in found if "submission" not in p.stem.lower() and holds_runs(p)]


def read_runs(path: Path, tree: Tree) -> tuple[DrawnMasks, str]:
    """Reads a table of run lengths: a start and a length each, counted from 1.

    Whether they go down the columns or along the rows is told by what looks whole: in the wrong
    order an object falls into stripes. Of square images that cannot be told, and columns are taken.
    A row without runs says that nothing is there.

    Args:
        path: The table.
        tree: The images, whose sizes are needed.

    Returns:
        The masks, and how the runs were understood, for people.

    Raises:
        DataError: If a run lies outside of its image.
    """
    table = read_table(path)
    names, kinds = _columns(table)
    cells = table.column(str(table.guess(_RUNS)))
    homes, lost = place_images(tree.names, dict.fromkeys(names, ""))
    known, _ = image_sizes([tree.root / name for name in homes])
    sizes = {homes[name]: (int(w), int(h)) for name, (w, h) in zip(homes, known, strict=True)}
    classes = sorted(
        set(kinds), key=lambda kind: (len(kind), kind) if kind.isdigit() else (99, kind)
    )
    index = {kind: number for number, kind in enumerate(classes, start=1)}
    areas: dict[str, list[tuple[int, np.ndarray]]] = defaultdict(list)
    for row, (name, cell) in enumerate(zip(names, cells, strict=True)):
        if name not in sizes or min(sizes[name]) < 1:
            continue
        areas[name] += []
        if cell.lower() not in _NOTHING:
            where = f"{path}, row {row + 2}"
            areas[name].append((index[kinds[row]], _starts(cell, sizes[name], where)))
    down, said = _order(areas, sizes)
    masks = {
        name: ShapeMask(
            sizes[name], tuple(_shape(i, pairs, sizes[name], down) for i, pairs in each)
        )
        for name, each in areas.items()
    }
    unread = [(name, "its size cannot be read") for name, size in sizes.items() if min(size) < 1]
    return DrawnMasks(("background", *classes), masks, (*lost, *unread)), said


def _columns(table: Table) -> tuple[list[str], list[str]]:
    """Returns the image and the class of each row."""
    both = table.guess(_BOTH)
    if both:  # as Kaggle writes: 0011165.jpg_Fish
        endings = "|".join(re.escape(each) for each in sorted(EXTENSIONS))
        parts = [
            re.fullmatch(rf"(.+?(?:{endings}))_(.+)", cell, re.I) for cell in table.column(both)
        ]
        if all(parts):
            return [p[1] for p in parts if p], [p[2] for p in parts if p]
    image = table.guess(_IMAGES)
    if image is None:
        there = ", ".join(table.columns)
        raise DataError(
            f"{table.path} holds run lengths, and no column is called like one of images; its "
            f"columns are: {there}. Call it ImageId"
        )
    kind = table.guess(tuple(name for name in _CLASSES if name != image.lower()))
    return table.columns[image], table.columns[kind] if kind else ["object"] * len(
        table.columns[image]
    )


def _starts(cell: str, size: tuple[int, int], where: str) -> np.ndarray:
    """Returns (R, 2) first pixel, from 0, and pixels of each run.

    Raises:
        DataError: If one reaches beyond the image.
    """
    pairs = np.array(cell.split(), np.int64).reshape(-1, 2)
    pairs[:, 0] -= 1
    if (pairs[:, 0] < 0).any() or (pairs.sum(axis=1) > size[0] * size[1]).any():
        raise DataError(
            f"{where}: a run lies outside of its image of {size[0]} x {size[1]} pixels: starts are "
            f"counted from 1, and the image has to be as large as the one that was annotated"
        )
    return pairs


def _order(
    areas: dict[str, list[tuple[int, np.ndarray]]], sizes: dict[str, tuple[int, int]]
) -> tuple[bool, str]:
    """Tells whether runs go down the columns, by the edges that there would be."""
    edges = {True: 0, False: 0}
    drawn = [name for name, each in areas.items() if each]
    for name in drawn[:: max(1, len(drawn) // _LOOKED_AT)]:
        for down in edges:
            for _, pairs in areas[name]:
                area = _area(pairs, sizes[name], down)
                edges[down] += int(
                    (area[1:] != area[:-1]).sum() + (area[:, 1:] != area[:, :-1]).sum()
                )
    if edges[True] == edges[False]:
        return True, "run lengths taken down the columns, which square images do not tell"
    down = edges[True] < edges[False]
    return down, f"run lengths {'down the columns' if down else 'along the rows'}"


def _area(pairs: np.ndarray, size: tuple[int, int], down: bool) -> np.ndarray:
    """Returns (H, W) bool."""
    width, height = size
    flat = np.zeros(width * height + 1, np.int64)
    np.add.at(flat, pairs[:, 0], 1)
    np.add.at(flat, pairs.sum(axis=1), -1)
    inside = np.cumsum(flat[:-1]) > 0
    return inside.reshape(width, height).T if down else inside.reshape(height, width)


def _shape(index: int, pairs: np.ndarray, size: tuple[int, int], down: bool) -> Shape:
    flat = _area(pairs, size, down).T.ravel()
    return Shape(index, runs=tuple(_lengths(flat)))


def _lengths(flat: np.ndarray) -> Iterator[int]:
    """Yields the lengths of runs, of False first."""
    ends = np.flatnonzero(np.diff(flat, prepend=False))
    yield from np.diff(np.concatenate([[0], ends, [len(flat)]])).tolist()
