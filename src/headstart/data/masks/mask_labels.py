"""The masks of a data set: read once, counted, and told what their values mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headstart.choices import MaskValues
from headstart.data.masks.counts import ValueCounts, count_values, in_threads
from headstart.data.masks.files import MaskFile
from headstart.data.masks.learn_values import Learnt, learn_values
from headstart.data.masks.masks import Masks, MaskSource
from headstart.data.masks.palette_flaws import palette_flaws
from headstart.data.masks.parts import Annotated, masks_in_parts, numbered_as_objects, said_of_parts
from headstart.data.masks.value_names import ValueNames, find_names
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["MaskReading", "mask_labels"]

_OWN_VALUES = 0.3  # of the pixels of one mask, where the others have hardly any


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
    found = numbered_as_objects(found, asked=bool(origin))
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
    parts = {part for each in found for part in each.parts if part}
    by_part = bool(parts)
    named = None if by_part else find_names(_homes(counts, root)) or _of_trimaps(counts, how)
    learnt = _learnt(counts, how, named, root)
    unlike = _unlike_the_others(counts, learnt)
    for path in unlike:
        aside[_name(path, root)] = "it has values of its own nearly all over, as a photograph has"
        del counts[path]
    learnt = _learnt(counts, how, named, root) if unlike else learnt
    if by_part and not origin and len(learnt.names) > 2 and len(parts) == 1:
        # A folder of all masks is only called something.
        plain = [replace(each, parts=("",) * len(each.parts)) for each in found]
        return mask_labels(plain, root=root, how=how)
    binary = len(learnt.names) == 2 and learnt.table.values[0] == 0
    if by_part:
        masks = masks_in_parts(found, counts, learnt, root)
        reading = said_of_parts(masks, learnt, origin)
    else:
        masks, reading = _whole(found, counts, learnt), learnt.reading
    known = int(masks.known.sum())
    return MaskReading(
        masks, f"masks of {known:,}: {reading}", tuple(aside.items()), binary, named is not None
    )


def _homes(files: Iterable[Path], root: Path) -> Iterable[Path]:
    """Returns where a file of names may lie: at the root, beside masks, and between these."""
    near = dict.fromkeys(path.parent for path in files)
    between = {
        each: None for home in near for each in home.parents if each.is_relative_to(root)
    }  # fmt: skip
    return dict.fromkeys([root, *near, *sorted(between, key=lambda each: -len(each.parts))])


def _of_trimaps(counts: dict[Path, ValueCounts], how: MaskValues) -> ValueNames | None:
    """Returns what values of Oxford-IIIT Pet's trimaps mean, in a folder called so."""
    homes = {path.parent for path in counts}
    values = {int(value) for each in counts.values() for value in each.values}
    called = all(home.name.lower() in ("trimap", "trimaps") for home in homes)
    if how != "auto" or not called or values != {1, 2, 3}:
        return None
    named = {1: "foreground", 2: "background", 3: "void"}
    return ValueNames(next(iter(homes)), by_value=named)


def _learnt(
    counts: dict[Path, ValueCounts], how: MaskValues, named: ValueNames | None, root: Path
) -> Learnt:
    files = [_name(path, root) for path in counts]
    return learn_values(list(counts.values()), how=how, named=named, root=root, files=files)


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _unlike_the_others(counts: dict[Path, ValueCounts], learnt: Learnt) -> list[Path]:
    """Returns the masks that hold other values than the classes, where hardly any other does."""
    if learnt.table.others is not None or len(counts) < 3:
        return []
    own = {
        path: learnt.strays_of(each) / max(1, each.pixels.sum()) for path, each in counts.items()
    }
    if np.median(list(own.values())) > _OWN_VALUES / 3:
        return []
    return [path for path, share in own.items() if share > _OWN_VALUES]


def _whole(found: Sequence[Annotated], counts: dict[Path, ValueCounts], learnt: Learnt) -> Masks:
    """Returns masks of which one file has all classes of an image."""
    n, c = len(found), len(learnt.names)
    pixels, sizes = np.zeros((n, c), np.int64), np.zeros((n, 2), np.int64)
    strays, flaws = np.zeros(n, np.int64), [""] * n
    lost = palette_flaws(counts, learnt)
    sources: list[MaskSource | None] = [None] * n
    for row, each in enumerate(found):
        count = counts.get(each.files[0]) if each.files else None
        if count is not None:
            pixels[row], sizes[row] = learnt.pixels_of(count), count.size
            strays[row], flaws[row] = learnt.strays_of(count), count.flaw
            flaws[row] = lost.get(each.files[0], flaws[row])
            sources[row] = MaskFile(each.files[0], learnt.table)
    return Masks(learnt.names, tuple(sources), pixels, sizes, learnt.palette, strays, tuple(flaws))
