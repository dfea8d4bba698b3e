"""The masks of a data set: read once, counted, and told what their values mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headstart.choices import MaskValues
from headstart.data.learn_values import Learnt, learn_values
from headstart.data.mask_counts import ValueCounts, count_values, in_threads
from headstart.data.mask_files import LayeredMask, MaskFile
from headstart.data.masks import IGNORED, Masks, MaskSource
from headstart.data.name_classes import drawing_colours
from headstart.data.value_names import ValueNames, find_names
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["Annotated", "MaskReading", "count_classes", "mask_labels"]

_OBJECT = "object"
_MANY_PARTS = 64
_OWN_VALUES = 0.3  # of the pixels of one mask, where the others have hardly any


@dataclass(frozen=True)
class Annotated:
    """The files that show the classes of one image: none, one, or several with a part each.

    Attributes:
        files: Their paths.
        parts: What each shows, or "" where its values say so.
    """

    files: tuple[Path, ...] = ()
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class MaskReading:
    """The masks of N items, and how they were read.

    Attributes:
        masks: Of N items.
        reading: For people.
        set_aside: (name, reason) of masks that could not be used.
        binary: Whether the files have two values, one of them 0.
        named: Whether a file says what values are called.
    """

    masks: Masks
    reading: str
    set_aside: tuple[tuple[str, str], ...] = ()
    binary: bool = False
    named: bool = False


def mask_labels(
    found: Sequence[Annotated], *, root: Path, how: MaskValues = "auto", origin: str = ""
) -> MaskReading:
    """Reads all masks once and learns which of their values are which classes.

    Args:
        found: Of N items.
        root: The folder of the data set; files of names are looked for there and beside the masks.
        how: How values are read.
        origin: Who says what masks show, where `parts` were asked for.

    Raises:
        DataError: If no mask can be read, or what they hold can be read in two ways.
    """
    found = _objects(found)
    files = list(dict.fromkeys(path for each in found for path in each.files))
    read = dict(zip(files, in_threads(count_values, files), strict=True))
    counts = {path: each for path, each in read.items() if isinstance(each, ValueCounts)}
    aside = {
        _name(path, root): str(each).removeprefix(f"{path}: ")
        for path, each in read.items()
        if isinstance(each, DataError)
    }
    if not counts:
        some = some_of((f"{name}: {why}" for name, why in aside.items()), 3)
        raise DataError(f"none of the masks of {root} can be read ({some})")
    by_part = any(part for each in found for part in each.parts)
    named = None if by_part else find_names(dict.fromkeys([root, *(p.parent for p in counts)]))
    learnt = _learnt(counts, how, named, root)
    unlike = _unlike_the_others(counts, learnt)
    for path in unlike:
        aside[_name(path, root)] = "it has values of its own nearly all over, as a photograph has"
        del counts[path]
    learnt = _learnt(counts, how, named, root) if unlike else learnt
    binary = len(learnt.names) == 2 and learnt.table.values[0] == 0
    if by_part:
        masks = _parts(found, counts, learnt, root)
        reading = _said_parts(masks, learnt, origin)
    else:
        masks, reading = _whole(found, counts, learnt), learnt.reading
    known = int(masks.known.sum())
    return MaskReading(
        masks, f"masks of {known:,}: {reading}", tuple(aside.items()), binary, named is not None
    )


def _learnt(
    counts: dict[Path, ValueCounts], how: MaskValues, named: ValueNames | None, root: Path
) -> Learnt:
    files = [_name(path, root) for path in counts]
    return learn_values(list(counts.values()), how=how, named=named, root=root, files=files)


def _objects(found: Sequence[Annotated]) -> Sequence[Annotated]:
    """Returns parts that only number the things on an image as one class."""
    parts = {part for each in found for part in each.parts if part}
    images = sum(any(each.parts) for each in found)
    uses = sum(len(each.parts) for each in found)
    numbered = all(part.isdecimal() for part in parts)
    if not parts or not (
        len(parts) > _MANY_PARTS or numbered or (images > 2 and uses == len(parts))
    ):
        return found
    return [replace(each, parts=(_OBJECT,) * len(each.parts)) for each in found]


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _unlike_the_others(counts: dict[Path, ValueCounts], learnt: Learnt) -> list[Path]:
    """Returns the masks that hold other values than the classes, where hardly any other does."""
    if learnt.table.others is not None or len(counts) < 3:
        return []
    own = {path: _strays(each, learnt) / max(1, each.pixels.sum()) for path, each in counts.items()}
    if np.median(list(own.values())) > _OWN_VALUES / 3:
        return []
    return [path for path, share in own.items() if share > _OWN_VALUES]


def _strays(count: ValueCounts, learnt: Learnt) -> int:
    if learnt.table.others is not None:
        return 0
    count = count.as_colours() if learnt.table.colours else count
    return int(count.pixels[~np.isin(count.values, learnt.table.values)].sum())


def count_classes(count: ValueCounts, learnt: Learnt) -> np.ndarray:
    """Returns (C,) int64 pixels of each class of one mask."""
    count = count.as_colours() if learnt.table.colours else count
    classes = learnt.table.classes_of(count.values)
    kept = classes != IGNORED
    return np.bincount(classes[kept], count.pixels[kept], len(learnt.names)).astype(np.int64)


def _flaw(count: ValueCounts) -> str:
    if count.form in ("JPEG", "MPO"):
        return "saved as JPEG"
    return "read from its transparency" if count.cut else ""


def _whole(found: Sequence[Annotated], counts: dict[Path, ValueCounts], learnt: Learnt) -> Masks:
    """Returns masks of which one file has all classes of an image."""
    n, c = len(found), len(learnt.names)
    pixels, sizes = np.zeros((n, c), np.int64), np.zeros((n, 2), np.int64)
    strays, flaws = np.zeros(n, np.int64), [""] * n
    sources: list[MaskSource | None] = [None] * n
    for row, each in enumerate(found):
        count = counts.get(each.files[0]) if each.files else None
        if count is not None:
            pixels[row], sizes[row] = count_classes(count, learnt), count.size
            strays[row], flaws[row] = _strays(count, learnt), _flaw(count)
            sources[row] = MaskFile(each.files[0], learnt.table)
    return Masks(learnt.names, tuple(sources), pixels, sizes, learnt.palette, strays, tuple(flaws))


def _parts(
    found: Sequence[Annotated], counts: dict[Path, ValueCounts], learnt: Learnt, root: Path
) -> Masks:
    """Returns masks of which each file shows one class, which its folder or a table names.

    Raises:
        DataError: If the files have more than two values.
    """
    if len(learnt.names) > 2 or (len(learnt.names) == 2 and learnt.table.values[0] != 0):
        values = some_of(learnt.table.values, 6)
        raise DataError(
            f"the masks of {root} have the values {values}, and a folder or column says what they "
            f"show: it can only say so of masks that are 0 where nothing is (--masks binary reads "
            f"all else as one)"
        )
    shown = {path: count_classes(each, learnt)[1:].sum() > 0 for path, each in counts.items()}
    if len(learnt.names) == 1 and learnt.table.values[0] != 0:
        shown = dict.fromkeys(counts, True)
    there = {p for e in found for f, p in zip(e.files, e.parts, strict=True) if shown.get(f)}
    others = sorted(there - {""})
    names = ("background", *others) if others != [_OBJECT] else ("background", "foreground")
    index = {name: number for number, name in enumerate(("background", *others))}
    rows: list[LayeredMask | None] = []
    sizes, strays = np.zeros((len(found), 2), np.int64), np.zeros(len(found), np.int64)
    flaws = [""] * len(found)
    for row, each in enumerate(found):
        layers = [(f, p) for f, p in zip(each.files, each.parts, strict=True) if f in counts]
        layers = [(f, p) for f, p in layers if p or not shown[f]]
        rows.append(None)
        if not layers or len(layers) < len(each.files):
            continue
        sizes[row] = counts[layers[0][0]].size
        strays[row] = sum(_strays(counts[f], learnt) for f, _ in layers)
        flaws[row] = _flaw(counts[layers[0][0]])
        if any(counts[f].size != tuple(sizes[row]) for f, _ in layers):
            flaws[row] = "its parts are of different sizes"
        rows[row] = LayeredMask(
            tuple((MaskFile(f, learnt.table), index.get(p, 0)) for f, p in layers)
        )
    pixels = _counted(rows, counts, len(names))
    palette = drawing_colours(len(names))
    return Masks(names, tuple(rows), pixels, sizes, palette, strays, tuple(flaws))


def _counted(
    rows: Sequence[LayeredMask | None], counts: dict[Path, ValueCounts], classes: int
) -> np.ndarray:
    """Returns (N, C) pixels; where parts may overlap, by looking."""

    def count(mask: LayeredMask | None) -> np.ndarray:
        if mask is None:
            return np.zeros(classes, np.int64)
        if len(mask.layers) == 1:
            source, index = mask.layers[0]
            each = counts[source.path]
            each = each.as_colours() if source.table.colours else each
            told = source.table.classes_of(each.values)
            hit = int(each.pixels[(told != 0) & (told != IGNORED)].sum())
            pixels = np.zeros(classes, np.int64)
            pixels[0] = int(each.pixels[told == 0].sum())
            pixels[index] += hit
            return pixels
        return np.bincount(mask.read().ravel(), minlength=256)[:classes]

    return np.stack(in_threads(count, rows)) if rows else np.zeros((0, classes), np.int64)


def _said_parts(masks: Masks, learnt: Learnt, origin: str) -> str:
    listed = some_of(masks.names[1:], 12)
    strays = learnt.reading.partition("; ")[2]
    said = f"0 background, else what the folders and names of the masks say ({listed})"
    if origin:
        said = f"0 background, else what {origin.partition(',')[0]} says, as asked ({listed})"
    elif masks.names[1:] == ("foreground",):
        said = "0 background, each file a part of the foreground"
    return said + (f"; {strays}" if strays else "")
