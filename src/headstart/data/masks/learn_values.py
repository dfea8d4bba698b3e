"""Which values of the masks are classes: learnt from all files of a data set, and said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.choices import MaskValues
from headstart.data.masks.counts import ValueCounts
from headstart.data.masks.files import ValueTable
from headstart.data.masks.main_values import (
    MOST_INDEX,
    Totals,
    covered,
    left_over,
    main_values,
    snapped,
    totals_of,
)
from headstart.data.masks.masks import IGNORED
from headstart.data.masks.name_classes import NamedClasses, name_classes
from headstart.data.masks.value_names import ValueNames
from headstart.data.words import plural
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["Learnt", "learn_values"]

_NO_MASK = 0.5  # of all pixels have values that are no class: photographs, not masks
_MOST_CLASSES = 255
_MANY = 64
_TOLD = 3  # values that are no class


@dataclass(frozen=True)
class Learnt:
    """What the values of the masks of a data set mean.

    Attributes:
        table: Value -> class.
        names: C class names.
        palette: (C, 3) uint8.
        reading: For people.
    """

    table: ValueTable
    names: tuple[str, ...]
    palette: np.ndarray
    reading: str

    def pixels_of(self, count: ValueCounts) -> np.ndarray:
        """Returns (C,) int64 pixels of each class of one mask."""
        count = count.as_colours() if self.table.colours else count
        classes = self.table.classes_of(count.values)
        kept = classes != IGNORED
        return np.bincount(classes[kept], count.pixels[kept], len(self.names)).astype(np.int64)

    def strays_of(self, count: ValueCounts) -> int:
        """Returns how many pixels of one mask have the value of no class."""
        if self.table.others is not None:
            return 0
        count = count.as_colours() if self.table.colours else count
        return int(count.pixels[~np.isin(count.values, self.table.values)].sum())


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
    totals = snapped(totals_of(counts, colours), named)
    if how == "binary":
        return _binary(totals)
    mains = np.arange(len(totals.values))
    if how == "auto":
        mains = main_values(totals, named)
        _demand_masks(totals, mains, root, files)
    if how == "auto" and named is None:
        _refuse_instances(counts, totals, mains, root)
    if totals.jpeg and how == "auto":
        _refuse_lossy(totals.values[mains], colours, root)
    ignored = _ignored(totals.values[mains], named, colours)
    if ignored is not None:
        _refuse_mixed(counts, totals.values[mains], root, files)
    classes = name_classes(
        [v for v in totals.values[mains].tolist() if v != ignored], named, colours,
        palette=_own_palette(counts), root=root,
    )  # fmt: skip
    table = _table(classes, ignored, colours)
    if len(classes.names) > _MOST_CLASSES:
        raise DataError(
            f"the masks of {root} hold {len(classes.names):,} values, and at most {_MOST_CLASSES} "
            f"classes can be told apart: say --masks binary to read all of them as one"
        )
    said = _said(classes, ignored) + _said_of_strays(classes, ignored, mains, totals)
    return Learnt(table, classes.names, classes.palette, said)


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


def _demand_masks(totals: Totals, mains: np.ndarray, root: Path, files: Sequence[str]) -> None:
    total = int(totals.pixels.sum())
    held = covered(totals, mains)
    some = some_of(files, 2)
    if not total:
        raise DataError(f"the masks of {root} have no pixels")
    many = len(totals.values)
    if held < (1 - _NO_MASK) * total or (len(mains) < 2 and held < 0.99 * total):
        raise DataError(
            f"the masks of {root} ({some}) hold {many:,} different values and none that stand out, "
            f"as photographs and heat maps do: see that images and masks are not swapped, or save "
            f"one value for each class (--masks binary reads 0 against all else)"
        )


def _refuse_lossy(values: np.ndarray, colours: bool, root: Path) -> None:
    """Refuses neighbouring values in files that mix these up.

    Raises:
        DataError: If that is so.
    """
    if not colours and len(values) > 2 and np.diff(values).min() < 8:
        raise DataError(
            f"the masks of {root} are JPEG files with values next to each other "
            f"({some_of(values.tolist(), 6)}), which compression mixes up: save them as PNG anew, "
            f"from what they were made of (--masks binary reads 0 against all else)"
        )


def _refuse_mixed(
    counts: Sequence[ValueCounts], values: np.ndarray, root: Path, files: Sequence[str]
) -> None:
    """Refuses masks of 0 and 1 among those of 0 and 255, whose 255 would be ignored.

    Raises:
        DataError: If no mask holds 255 beside a class, and some hold it alone.
    """
    things = np.setdiff1d(values, [0, IGNORED])
    white = [IGNORED in each.values and len(each.values) > 1 for each in counts]
    drawn = [bool(np.isin(each.values, things).any()) for each in counts]
    both = any(w and d for w, d in zip(white, drawn, strict=True))
    if any(white) and any(drawn) and not both:
        one, other = files[white.index(True)], files[drawn.index(True)]
        raise DataError(
            f"some masks of {root} hold 255 (such as {one}) and others "
            f"{some_of(things.tolist(), 4)} (such as {other}), never both: write them alike "
            f"(--masks binary reads 0 against all else)"
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
    numbered = rest.max() < MOST_INDEX or len(rest) >= rest.max() - rest.min()
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


def _said(classes: NamedClasses, ignored: int | None) -> str:
    told = zip(classes.texts, classes.indices, strict=True)
    called = [(text, classes.names[i] if i < len(classes.names) else "ignored") for text, i in told]
    parts = [text if text == name else f"{text} {name}" for text, name in called]
    parts += [f"{ignored} ignored"] if ignored is not None else []
    said = some_of(parts, 24)
    return said + (f" ({classes.origin})" if classes.origin else "")


def _said_of_strays(
    classes: NamedClasses, ignored: int | None, mains: np.ndarray, totals: Totals
) -> str:
    """Returns what to say of pixels whose value is no class: how many, and about which values."""
    strays = int(np.delete(totals.pixels, mains).sum())
    if not strays:
        return ""
    kept = [v for v in classes.values if v != ignored]
    if len(kept) == 2 and not totals.colours:
        how = f"split at {sum(kept) / 2:g}"
    else:
        how = "set to the nearest of these"
    about = [
        f"{plural(count, 'pixel')} about {f'#{value:06x}' if totals.colours else value}"
        for value, count in left_over(totals, mains)[:_TOLD]
    ]
    far = f" (those farther off: {', '.join(about)})" if about else ""
    share = strays / int(totals.pixels.sum())
    return f"; {_percent(share)} of the pixels have other values, {how}{far}"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1%"
