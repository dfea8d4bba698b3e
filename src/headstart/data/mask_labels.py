"""The masks of a data set: read once, counted, and told what their values mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.data.learn_values import Learnt, MaskValues, learn_values
from headstart.data.mask_counts import ValueCounts, count_values, in_threads
from headstart.data.mask_files import MaskFile
from headstart.data.masks import IGNORED, Masks, MaskSource
from headstart.data.value_names import find_names
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["Annotated", "MaskReading", "mask_labels"]


@dataclass(frozen=True)
class Annotated:
    """The files that show the classes of one image: none, one, or several with a part each."""

    files: tuple[Path, ...] = ()
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class MaskReading:
    """The masks of N items, and how they were read.

    Attributes:
        masks: Of N items.
        reading: For people.
        set_aside: (name, reason) of masks that could not be used.
    """

    masks: Masks
    reading: str
    set_aside: tuple[tuple[str, str], ...] = ()


def mask_labels(found: Sequence[Annotated], *, root: Path, how: MaskValues = "auto") -> MaskReading:
    """Reads all masks once and learns which of their values are which classes.

    Args:
        found: Of N items.
        root: The folder of the data set; files of names are looked for there and beside the masks.
        how: How values are read.

    Raises:
        DataError: If no mask can be read, or what they hold can be read in two ways.
    """
    files = [each.files[0] for each in found if each.files]
    read = dict(zip(files, in_threads(count_values, files), strict=True))
    counts = {path: each for path, each in read.items() if isinstance(each, ValueCounts)}
    aside = tuple(
        (_name(path, root), str(each).removeprefix(f"{path}: "))
        for path, each in read.items()
        if isinstance(each, DataError)
    )
    if not counts:
        raise DataError(
            f"none of the masks of {root} can be read: {some_of((n for n, _ in aside), 3)}"
        )
    named = find_names(dict.fromkeys([root, *(path.parent for path in counts)]))
    learnt = learn_values(
        list(counts.values()), how=how, named=named, root=root,
        files=[_name(path, root) for path in counts],
    )  # fmt: skip
    return MaskReading(_masks(found, counts, learnt), learnt.reading, aside)


def _name(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _masks(found: Sequence[Annotated], counts: dict[Path, ValueCounts], learnt: Learnt) -> Masks:
    n, c = len(found), len(learnt.names)
    pixels, sizes = np.zeros((n, c), np.int64), np.zeros((n, 2), np.int64)
    strays = np.zeros(n, np.int64)
    sources: list[MaskSource | None] = [None] * n
    for row, each in enumerate(found):
        count = counts.get(each.files[0]) if each.files else None
        if count is None:
            continue
        count = count.as_colours() if learnt.table.colours else count
        classes = learnt.table.classes_of(count.values)
        kept = classes != IGNORED
        np.add.at(pixels[row], classes[kept], count.pixels[kept])
        known = np.isin(count.values, learnt.table.values)
        strays[row] = 0 if learnt.table.others is not None else count.pixels[~known].sum()
        sizes[row] = count.size
        sources[row] = MaskFile(each.files[0], learnt.table)
    return Masks(learnt.names, tuple(sources), pixels, sizes, learnt.palette, strays)
