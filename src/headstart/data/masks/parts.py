"""Masks in several files: each shows one class of an image, or one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headstart.data.masks.counts import ValueCounts, in_threads
from headstart.data.masks.files import LayeredMask, MaskFile
from headstart.data.masks.learn_values import Learnt
from headstart.data.masks.masks import IGNORED, Masks
from headstart.data.masks.name_classes import drawing_colours
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["Annotated", "masks_in_parts", "numbered_as_objects", "said_of_parts"]

_OBJECT = "object"
_MANY_PARTS = 64


@dataclass(frozen=True)
class Annotated:
    """The files that show the classes of one image: none, one, or several with a part each.

    Attributes:
        files: Their paths.
        parts: What each shows, or "" where its values say so.
    """

    files: tuple[Path, ...] = ()
    parts: tuple[str, ...] = ()


def numbered_as_objects(found: Sequence[Annotated], *, asked: bool) -> Sequence[Annotated]:
    """Returns parts that only number the things on an image as one class."""
    parts = {part for each in found for part in each.parts if part}
    images = sum(any(each.parts) for each in found)
    uses = sum(len(each.parts) for each in found)
    numbered = all(part.isdecimal() for part in parts)
    if (
        asked
        or not parts
        or not (len(parts) > _MANY_PARTS or numbered or (images > 2 and uses == len(parts)))
    ):
        return found
    return [replace(each, parts=(_OBJECT,) * len(each.parts)) for each in found]


def masks_in_parts(
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
    shown = {path: learnt.pixels_of(each)[1:].sum() > 0 for path, each in counts.items()}
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
        strays[row] = sum(learnt.strays_of(counts[f]) for f, _ in layers)
        flaws[row] = counts[layers[0][0]].flaw
        if any(counts[f].size != tuple(sizes[row]) for f, _ in layers):
            flaws[row] = "in parts of different sizes"
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


def said_of_parts(masks: Masks, learnt: Learnt, origin: str) -> str:
    """Returns what masks in parts show, for people; `origin` says so if it was asked for."""
    listed = some_of(masks.names[1:], 12)
    strays = learnt.reading.partition("; ")[2]
    said = f"0 background, else what the folders and names of the masks say ({listed})"
    if origin:
        what, asked, _ = origin.partition(", as asked")
        said = f"0 background, else what {what} says{asked} ({listed})"
    elif masks.names[1:] == ("foreground",):
        said = "0 background, each file a part of the foreground"
    return said + (f"; {strays}" if strays else "")
