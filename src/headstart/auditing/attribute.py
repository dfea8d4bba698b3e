"""`read_attribute`: a column of the data as a few values that can be asked about, or why not."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from headstart.data.tables.conventions import AmbiguousNumbers
from headstart.data.tables.numbers import parse_numbers
from headstart.data.tables.ordered import AmbiguousDates, ordered_cells
from headstart.data.tables.spellings import join_spellings
from headstart.data.words import plural

__all__ = ["Attribute", "nearly_the_same", "read_attribute"]

_UNKNOWN = frozenset({"", "nan", "na", "n/a", "none", "null", "unknown", "?", "-"})
_CATEGORIES = 12  # numbers of more different values are measured, and put into halves
_MOST = 40  # values that are asked about
_FEW = 5  # images that a value needs
_KNOWN = 20
_ODD = 0.2  # of different values: where fewer are no numbers, the others are not names
_SAME = 0.9  # of the images of a value, on average over values
_MOSTLY = 0.9  # of the images: where fewer have a value, that is said
_OPPOSING = 3
_UNTOLD = "no image contradicts it, so nobody can tell whether a model uses it: gather some that do"


@dataclass(frozen=True)
class Attribute:
    """A column as a few values.

    Attributes:
        name: Of the column.
        values: (N,) int, which of `words`; -1 where unknown or too rare.
        words: K values, two or more.
        note: How it was read, where that is not plain; else empty.
    """

    name: str
    values: np.ndarray
    words: tuple[str, ...]
    note: str = ""

    @property
    def known(self) -> np.ndarray:
        """(N,) bool: which items have one of the values."""
        return np.asarray(self.values >= 0)


def read_attribute(
    name: str, cells: np.ndarray, targets: np.ndarray, groups: np.ndarray | None = None
) -> Attribute | str:
    """Reads a column: categories as they are, numbers and dates in halves at their median.

    Args:
        name: Of the column.
        cells: (N,) str.
        targets: (N,) int classes.
        groups: (N,) str, by which images were kept together, or None.

    Returns:
        The attribute; or, in one line, why nothing can be asked of this column.
    """
    cells = np.char.strip(cells.astype(str))
    known = ~np.isin(np.char.lower(cells), list(_UNKNOWN))
    cells, alike = join_spellings(np.where(known, cells, ""))
    if known.sum() < _KNOWN:
        return f"is known of {plural(int(known.sum()), 'image')} only"
    if groups is not None and len(np.unique(groups)) > 1 and _one_to_one(cells, groups, known):
        return (
            "images are kept together by it (--group): whoever was tested had not been learnt from"
        )
    kinds = np.unique(cells[known])
    if len(kinds) == 1:
        return f"has one value only ({kinds[0]})"
    if len(kinds) > _CATEGORIES:
        try:
            ordered = ordered_cells(cells[known].tolist())
        except AmbiguousDates as error:
            return str(error)
        if ordered is not None:
            return _noted(_halves(name, cells, known, ordered), known, alike)
        if mixed := _nearly_numbers(kinds.tolist()):
            return mixed
    if len(kinds) >= 0.9 * known.sum():
        return "is different for nearly every image, as a name is"
    found = _categories(name, cells, known, targets)
    return found if isinstance(found, str) else _noted(found, known, alike)


def nearly_the_same(one: Attribute, other: Attribute) -> bool:
    """Whether every value of a column goes with one of another, and the reverse.

    Args:
        one: Of N images.
        other: Of the same.
    """
    both = one.known & other.known
    table = np.zeros((len(one.words), len(other.words)))
    np.add.at(table, (one.values[both], other.values[both]), 1)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    if table.shape[0] != table.shape[1] or len(table) < 2:
        return False
    shares = (table.max(axis=axis) / table.sum(axis=axis) for axis in (0, 1))
    return len(set(table.argmax(axis=1))) == len(table) and all(
        float(each.mean()) >= _SAME for each in shares
    )


def _noted(found: Attribute, known: np.ndarray, alike: str) -> Attribute:
    """Adds to how a column was read what was joined, and how many images have no value."""
    notes = [found.note, alike]
    if known.mean() < _MOSTLY:
        notes.append(f"known of {known.sum():,} of {plural(len(known), 'image')}")
    return dataclasses.replace(found, note="; ".join(each for each in notes if each))


def _nearly_numbers(kinds: list[str]) -> str:
    """Returns why values are no numbers, where most of them are; nothing of others.

    As names they would be hundreds, of which the commonest would be asked.
    """
    odd = []
    for kind in kinds:
        try:
            parse_numbers((kind,))
        except AmbiguousNumbers:
            continue
        except ValueError:
            odd.append(kind)
    if len(odd) > _ODD * len(kinds):
        return ""
    if odd:
        return f"holds numbers and {odd[0]!r}, which is none: leave such cells empty"
    try:
        parse_numbers(tuple(kinds))
    except ValueError as error:
        return f"holds numbers of which nobody can say what they mean: {error}"
    return ""


def _one_to_one(cells: np.ndarray, groups: np.ndarray, known: np.ndarray) -> bool:
    pairs = np.unique(np.stack([cells[known], groups[known]]), axis=1)
    return bool(pairs.shape[1] == len(np.unique(cells[known])) == len(np.unique(groups[known])))


def _halves(name: str, cells: np.ndarray, known: np.ndarray, ordered: np.ndarray) -> Attribute:
    middle = float(np.median(ordered))
    upper = ordered > middle
    if not upper.any() or 2 * upper.mean() < 0.5:  # many share the median: they go above
        upper = ordered >= middle
    own = cells[known]
    order = np.argsort(ordered, kind="stable")
    low, high = own[order][~upper[order]], own[order][upper[order]]
    values = np.full(len(cells), -1)
    values[known] = upper
    words = (f"up to {low[-1]}", f"{high[0]} and more")
    return Attribute(name, values, words, f"in halves at {own[order][len(own) // 2]}")


def _categories(
    name: str, cells: np.ndarray, known: np.ndarray, targets: np.ndarray
) -> Attribute | str:
    kinds, counts = np.unique(cells[known], return_counts=True)
    enough = kinds[counts >= _FEW]
    if len(enough) < 2:
        return f"has no two values with {_FEW} images or more each"
    kept = enough
    if len(enough) > _MOST:
        kept = np.sort(kinds[np.argsort(-counts, kind="stable")[:_MOST]])
    values = np.full(len(cells), -1)
    places = np.searchsorted(kept, cells)
    there = known & (kept[np.minimum(places, len(kept) - 1)] == cells)
    values[there] = places[there]
    note = ""
    if len(kept) < len(enough):
        note = f"the {len(kept)} commonest of {len(kinds)} values"
    elif len(kept) < len(kinds):
        note = f"{len(kept)} of {len(kinds)} values; the others have fewer than {_FEW} images"
    table = np.zeros((int(targets.max()) + 1, len(kept)), int)
    np.add.at(table, (targets[there], values[there]), 1)
    if table.sum() - table.max(axis=1).sum() < _OPPOSING:
        return f"is the class in other words, or a kind that classes belong to; {_UNTOLD}"
    if table.sum() - table.max(axis=0).sum() < _OPPOSING:
        return f"has values that lie in one class each; {_UNTOLD}"
    return Attribute(name, values, tuple(str(each) for each in kept), note)
