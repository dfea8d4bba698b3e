"""Which values of the masks are classes: learnt from all files of a data set, and said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from headstart.data.mask_counts import ValueCounts
from headstart.data.mask_files import ValueTable, channels
from headstart.data.masks import IGNORED
from headstart.data.name_classes import NamedClasses, name_classes
from headstart.data.value_names import ValueNames
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["Learnt", "MaskValues", "learn_values"]

MaskValues = Literal["auto", "classes", "binary"]
"""How values are read: by looking, each as a class, or 0 against all others."""

_SOLID = 0.25  # of the pixels of a class lie inside an area of it; of those along edges hardly any
_MUCH = 0.005  # of all pixels: no seam along edges has so many of one value
_NEAR = 8  # grey levels from a class, in which compression leaves others
_NEAR_COLOUR = 40
_FEW = 0.2  # of the pixels of the class beside it
_MOST_INDEX = 64  # classes that are simply numbered
_STRAY = 0.05  # of the pixels of 255, if small values are to be strays of 0
_NO_MASK = 0.5  # of all pixels have values that are no class: photographs, not masks
_MOST_CLASSES = 255
_MANY = 64


@dataclass(frozen=True)
class Learnt:
    """What the values of the masks of a data set mean.

    Attributes:
        table: Value -> class.
        names: C class names.
        palette: (C, 3) uint8.
        reading: For people.
        through_colours: Whether palette indices are told by their colours.
    """

    table: ValueTable
    names: tuple[str, ...]
    palette: np.ndarray
    reading: str


@dataclass(frozen=True)
class Totals:
    """The values of all masks.

    Attributes:
        values: (V,) int64, ascending.
        pixels: (V,) int64.
        solid: (V,) int64.
        files: (V,) int64 how many masks have each.
        colours: Whether they are colours.
        jpeg: Whether most masks are saved with losses.
        deep: Whether any is of more than 8 bits.
    """

    values: np.ndarray
    pixels: np.ndarray
    solid: np.ndarray
    files: np.ndarray
    colours: bool
    jpeg: bool
    deep: bool


def learn_values(
    counts: Sequence[ValueCounts],
    *,
    how: MaskValues = "auto",
    named: ValueNames | None = None,
    root: Path,
    files: Sequence[str],
) -> Learnt:
    """Decides which values are classes, and what they are called.

    Args:
        counts: Of one or more masks.
        how: How values are read.
        named: What a file of names says.
        root: The data set, for errors.
        files: The names of the masks, for errors.

    Raises:
        DataError: If the masks are none, look like ids of instances, or the names do not fit.
    """
    colours = _are_colours(counts, named)
    counts = [each.as_colours() for each in counts] if colours else counts
    totals = _totals(counts, colours)
    if how == "binary":
        return _binary(totals)
    mains = _main_values(totals, named)
    _demand_masks(totals, mains, root, files)
    if how == "auto" and named is None:
        _refuse_instances(counts, totals, mains, root)
    ignored = _ignored(totals.values[mains], named, colours)
    classes = name_classes(
        [v for v in totals.values[mains].tolist() if v != ignored], named, colours,
        palette=_own_palette(counts), root=root,
    )  # fmt: skip
    table = _table(classes, ignored, colours)
    if len(classes.names) > _MOST_CLASSES:
        raise DataError(f"the masks of {root} hold {len(classes.names):,} values: too many classes")
    strays = int(np.delete(totals.pixels, mains).sum())
    return Learnt(table, classes.names, classes.palette, _said(classes, ignored, strays, totals))


def _are_colours(counts: Sequence[ValueCounts], named: ValueNames | None) -> bool:
    """Whether colours tell classes: of RGB files, and of palettes that differ from file to file."""
    if any(each.kind == "colour" for each in counts):
        return True
    palettes = [each.palette for each in counts if each.kind == "palette"]
    if not palettes:
        return named is not None and bool(named.by_colour)
    if named is not None and named.by_colour:
        return True
    known: dict[int, int] = {}
    for palette in palettes:
        for value, colour in palette.items():
            if known.setdefault(value, colour) != colour:
                return True
    # Where other masks are grey, their values are the indices only if these are none of colours.
    return False


def _totals(counts: Sequence[ValueCounts], colours: bool) -> Totals:
    values, which = np.unique(np.concatenate([c.values for c in counts]), return_inverse=True)
    sums = [
        np.bincount(which, np.concatenate(parts), len(values)).astype(np.int64)
        for parts in (
            [c.pixels for c in counts], [c.solid for c in counts],
            [np.ones(len(c.values)) for c in counts],
        )
    ]  # fmt: skip
    lossy = sum(c.form in ("JPEG", "MPO") for c in counts)
    deep = any(c.deep for c in counts)
    return Totals(values, *sums, colours=colours, jpeg=2 * lossy > len(counts), deep=deep)


def _main_values(totals: Totals, named: ValueNames | None) -> np.ndarray:
    """Returns the rows of the values that are classes, or mean that nobody says."""
    values, pixels = totals.values, totals.pixels
    solid = totals.solid >= _SOLID * np.maximum(pixels, 1)
    main = solid | (pixels >= _MUCH * pixels.sum())
    told = named.by_colour if totals.colours and named else named.by_value if named else {}
    if told:
        listed = np.isin(values, list(told))
        if not listed.any():
            return np.flatnonzero(main)
        beside = main & ~listed & ~_beside(totals, np.flatnonzero(listed))
        return np.flatnonzero(listed | (beside & ~totals.jpeg))
    if not totals.colours and _are_indices(totals):
        return np.arange(len(values))
    # The largest first: what lies beside a larger one, and is much rarer, is no class of its own.
    chosen: list[int] = []
    for row in np.argsort(-pixels, kind="stable").tolist():
        if main[row] and not _beside(totals, np.array(chosen, int), row=row)[0]:
            chosen.append(row)
    return np.sort(np.array(chosen, int))


def _beside(totals: Totals, chosen: np.ndarray, row: int | None = None) -> np.ndarray:
    """Tells which values lie next to one of those chosen, and are much rarer than that."""
    rows = np.arange(len(totals.values)) if row is None else np.array([row])
    if not len(chosen):
        return np.zeros(len(rows), bool)
    values = totals.values
    if totals.colours:
        apart = np.abs(channels(values[rows])[:, None] - channels(values[chosen])[None]).max(axis=2)
        near = apart <= (_NEAR_COLOUR if totals.jpeg else _NEAR)
    else:
        near = np.abs(values[rows][:, None] - values[chosen][None]) <= _NEAR * (1 + totals.jpeg)
    rare = totals.pixels[rows][:, None] <= _FEW * totals.pixels[chosen][None]
    return np.asarray((near & rare).any(axis=1))


def _are_indices(totals: Totals) -> bool:
    """Whether grey values simply number the classes, so that neighbours are different things."""
    values, pixels = totals.values, totals.pixels
    small = values != IGNORED
    if not small.any() or values[small].max() >= _MOST_INDEX:
        return False
    rest = small & (values != 0)
    white = int(pixels[values == IGNORED].sum())
    loose = totals.solid[rest].sum() < _SOLID * pixels[rest].sum()
    return not (white and rest.any() and loose and pixels[rest].sum() < _STRAY * white)


def _demand_masks(totals: Totals, mains: np.ndarray, root: Path, files: Sequence[str]) -> None:
    total = int(totals.pixels.sum())
    covered = int(totals.pixels[mains].sum())
    some = some_of(files, 2)
    if not total:
        raise DataError(f"the masks of {root} have no pixels")
    many = len(totals.values)
    if covered < (1 - _NO_MASK) * total or (len(mains) < 2 and covered < 0.99 * total):
        raise DataError(
            f"the masks of {root} ({some}) hold {many:,} different values and none that stand out, "
            f"as photographs and heat maps do: see that images and masks are not swapped, or save "
            f"one value for each class (--masks binary reads 0 against all else)"
        )


def _refuse_instances(
    counts: Sequence[ValueCounts], totals: Totals, mains: np.ndarray, root: Path
) -> None:
    """Refuses values that number things one by one, not classes.

    Raises:
        DataError: If there are more than 64 of them, or they go up to another number in each mask.
    """
    values = totals.values[mains]
    things = (
        values[(values != 0) & (values != IGNORED)] if not totals.colours else values[values != 0]
    )
    if len(things) < 6:
        return
    own = [np.setdiff1d(np.intersect1d(c.values, things), [0]) for c in counts]
    tops = [len(each) for each in own if len(each)]
    counted = [bool((each == np.arange(1, len(each) + 1)).all()) for each in own if len(each)]
    if len(things) <= _MANY:
        in_turn = len(tops) > 2 and all(counted) and len(set(tops)) > 2 and not totals.colours
        alone = (
            len(tops) > 2 and float(np.median(totals.files[np.isin(totals.values, things)])) == 1
        )
        if not in_turn and not alone:
            return
    kind = "colours" if totals.colours else "values"
    up = "" if totals.colours else f", up to {things.max():,}"
    raise DataError(
        f"the masks of {root} hold {len(things):,} different {kind}{up}, as instances that are "
        f"numbered one by one do: say --masks binary to read all of them as one class, or --masks "
        f"classes if each is a class of its own"
    )


def _ignored(values: np.ndarray, named: ValueNames | None, colours: bool) -> int | None:
    """Returns the value that says that nobody knows, or None: 255 beside numbered classes."""
    if colours or IGNORED not in values:
        return None
    rest = values[values != IGNORED]
    if named is not None and (IGNORED in named.by_value or len(named.in_order) == len(values)):
        return None
    if len(rest) < 2 or rest.max() > 254:
        return None
    numbered = rest.max() < _MOST_INDEX or len(rest) >= rest.max() - rest.min()
    return IGNORED if numbered else None


def _own_palette(counts: Sequence[ValueCounts]) -> dict[int, int]:
    palette: dict[int, int] = {}
    for each in counts:
        palette |= each.palette
    return palette


def _table(classes: NamedClasses, ignored: int | None, colours: bool) -> ValueTable:
    pairs = dict(zip(classes.values, classes.indices, strict=True))
    if ignored is not None:
        pairs[ignored] = IGNORED
    ordered = sorted(pairs)
    return ValueTable(tuple(ordered), tuple(pairs[v] for v in ordered), colours)


def _binary(totals: Totals) -> Learnt:
    """Reads 0 (or black) as background and every other value as one class."""
    table = ValueTable((0,), (0,), totals.colours, others=1)
    if totals.jpeg:
        top = 0xFFFFFF if totals.colours else int(totals.values.max())
        table = ValueTable((0, top), (0, 1), totals.colours)
    palette = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
    said = "0 background, every other value foreground, as asked"
    return Learnt(table, ("background", "foreground"), palette, said)


def _said(classes: NamedClasses, ignored: int | None, strays: int, totals: Totals) -> str:
    parts = [f"{text} {classes.names[i]}" for text, i in zip(classes.texts, classes.indices)]
    parts += [f"{ignored} ignored"] if ignored is not None else []
    said = some_of(parts, 24)
    said += f" ({classes.origin})" if classes.origin else ""
    if strays:
        share = strays / int(totals.pixels.sum())
        kept = [v for v in classes.values if v != ignored]
        cut = len(kept) == 2 and not totals.colours
        how = f"split at {sum(kept) / 2:g}" if cut else "set to the nearest of these"
        said += f"; {_percent(share)} of the pixels have other values, {how}"
    return said


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1 %"
