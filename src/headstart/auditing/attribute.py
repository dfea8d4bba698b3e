"""`read_attribute`: a column of the data as a few values that can be asked about, or why not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.data.ordered import AmbiguousDates, ordered_cells
from headstart.data.words import plural

__all__ = ["Attribute", "read_attribute"]

_UNKNOWN = frozenset({"", "nan", "na", "n/a", "none", "null", "unknown", "?", "-"})
_CATEGORIES = 12  # numbers of more different values are measured, and put into halves
_MOST = 40  # values that are asked about
_FEW = 5  # images that a value needs
_KNOWN = 20
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
            return _halves(name, cells, known, ordered)
    if len(kinds) >= 0.9 * known.sum():
        return "is different for nearly every image, as a name is"
    return _categories(name, cells, known, targets)


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
        return f"has no two values with {_FEW} images each"
    kept = enough
    if len(enough) > _MOST:
        kept = np.sort(kinds[np.argsort(-counts, kind="stable")[:_MOST]])
    values = np.full(len(cells), -1)
    places = np.searchsorted(kept, cells)
    there = known & (kept[np.minimum(places, len(kept) - 1)] == cells)
    values[there] = places[there]
    note = ""
    if len(kept) < len(kinds):
        note = f"the {len(kept)} commonest of {len(kinds)} values"
    table = np.zeros((int(targets.max()) + 1, len(kept)), int)
    np.add.at(table, (targets[there], values[there]), 1)
    if table.sum() - table.max(axis=1).sum() < _OPPOSING:
        return f"is the class in other words, or a kind that classes belong to; {_UNTOLD}"
    if table.sum() - table.max(axis=0).sum() < _OPPOSING:
        return f"has values that lie in one class each; {_UNTOLD}"
    return Attribute(name, values, tuple(str(each) for each in kept), note)
