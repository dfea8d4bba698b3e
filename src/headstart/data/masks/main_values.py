"""Which values of masks stand for something, and which smoothing and compression have left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.data.masks.counts import ValueCounts
from headstart.data.masks.masks import IGNORED
from headstart.data.masks.raw import channels
from headstart.data.masks.value_names import ValueNames

__all__ = ["MOST_INDEX", "Totals", "covered", "left_over", "main_values", "snapped", "totals_of"]

MOST_INDEX = 64
"""Values below this may simply number the classes, so that neighbours are different things."""

_SOLID = 0.25  # of the pixels of a class lie inside an area of it; of those along edges hardly any
_MUCH = 0.005  # of all pixels: along edges, hardly any one value has so many
_SOME = 1e-4
_ALONE = 0.05
_CLEAN = 1e-3  # of the pixels at most are in no area: nothing was smoothed, and values are exact
_SEVERAL = 3  # values between two classes: smoothing leaves more than a class of thin lines has
_MIXED = 0.5  # of the pixels of a value lie between two others
_NEAR = 8  # levels from a class, in which compression leaves others
_NEAR_LOSSY = {False: 24, True: 56}  # grey and colour, of JPEG files
_FEW = 0.2  # of the pixels of the class beside it
_STRAY = 0.05  # of the pixels of 255, if small values are to be strays of 0
_MOST_LOOKED_AT = 4096
_STEP = 16


@dataclass(frozen=True)
class Totals:
    """The values of all masks.

    Attributes:
        values: (V,) int64, ascending.
        pixels: (V,) int64.
        solid: (V,) int64 of these inside areas, as `ValueCounts` has it.
        between: (V,) int64 of these between two others, likewise.
        files: (V,) int64 how many masks have each.
        colours: Whether they are colours.
        jpeg: Whether most masks are saved with losses.
    """

    values: np.ndarray
    pixels: np.ndarray
    solid: np.ndarray
    between: np.ndarray
    files: np.ndarray
    colours: bool
    jpeg: bool

    def levels(self, rows: np.ndarray) -> np.ndarray:
        """Returns (R, 1) grey levels or (R, 3) colours of some rows, int64."""
        values = self.values[rows]
        return channels(values) if self.colours else values[:, None]


def totals_of(counts: Sequence[ValueCounts], colours: bool) -> Totals:
    """Adds up the values of one or more masks, all grey or all colours."""
    values, which = np.unique(np.concatenate([c.values for c in counts]), return_inverse=True)
    pixels, solid, between, files = (
        np.bincount(which, np.concatenate(parts), len(values)).astype(np.int64)
        for parts in (
            [c.pixels for c in counts], [c.solid for c in counts], [c.between for c in counts],
            [np.ones(len(c.values)) for c in counts],
        )
    )  # fmt: skip
    lossy = sum(c.form in ("JPEG", "MPO") for c in counts)
    return Totals(values, pixels, solid, between, files, colours, jpeg=2 * lossy > len(counts))


def snapped(totals: Totals, named: ValueNames | None) -> Totals:
    """Returns totals of files with losses in which what is nearly a named value is that value.

    Red (255, 0, 0) comes back as (254, 0, 0): without this it would be another class's.
    """
    told = named.by_colour if totals.colours and named else named.by_value if named else {}
    if not totals.jpeg or len(told) < 2:
        return totals
    known = np.array(sorted(told), np.int64)
    levels = channels(known) if totals.colours else known[:, None]
    rows = np.arange(len(totals.values))
    apart = np.abs(totals.levels(rows)[:, None, :] - levels[None]).max(axis=2)
    nearest = known[apart.argmin(axis=1)]
    moved = np.where(apart.min(axis=1) <= _NEAR, nearest, totals.values)
    values, which = np.unique(moved, return_inverse=True)
    pixels, solid, between = (
        np.bincount(which, each, len(values)).astype(np.int64)
        for each in (totals.pixels, totals.solid, totals.between)
    )
    files = np.zeros(len(values), np.int64)
    np.maximum.at(files, which, totals.files)
    return replace(totals, values=values, pixels=pixels, solid=solid, between=between, files=files)


def main_values(totals: Totals, named: ValueNames | None) -> np.ndarray:
    """Returns the rows of the values that are classes, or mean that nobody says, ascending.

    Values that fill areas are. So are others that are frequent, unless they lie between two of
    these (or next to a far more frequent one), as smoothing and compression leave them.

    Args:
        totals: Of all masks.
        named: What a file of names says; what it names is a class if it is there at all.
    """
    values, pixels = totals.values, totals.pixels
    told = named.by_colour if totals.colours and named else named.by_value if named else {}
    listed = np.flatnonzero(np.isin(values, list(told)))
    if totals.jpeg and len(listed) > 1:  # and classes that nobody named, which fill areas
        listed = listed[pixels[listed] >= _SOME * pixels.sum()]
        loose = _main_of_lossy(totals)
        far = _distance(totals, loose, listed) > _NEAR_LOSSY[totals.colours]
        return np.sort(np.concatenate([listed, loose[far]]))
    if totals.jpeg and not _are_indices(totals):
        return _main_of_lossy(totals)
    if not totals.colours and not len(listed) and _are_indices(totals):
        return np.arange(len(values))
    solid = totals.solid >= _SOLID * np.maximum(pixels, 1)
    chosen, total = listed.tolist(), pixels.sum()
    clean = not totals.jpeg and pixels[~solid].sum() <= _CLEAN * total
    for row in np.argsort(-pixels, kind="stable").tolist():
        if solid[row] and row not in chosen and (clean or not _is_beside(totals, row, chosen)):
            chosen.append(row)
    if not chosen:
        return np.flatnonzero(pixels >= _ALONE * total)
    loose = np.setdiff1d(np.flatnonzero(pixels >= _SOME * total), chosen)[:_MOST_LOOKED_AT]
    homes = np.array(chosen)
    loose = loose[_distance(totals, loose, homes) > _NEAR]
    between = _are_between(totals, loose, homes)
    beyond, within = loose[~between], loose[between]
    within = within[pixels[within] >= _MUCH * total]
    # One such value may be an outline that was drawn; scaling leaves one for each pair, or two.
    mixed = totals.between[within] >= _MIXED * pixels[within]
    if mixed.sum() > 1:
        within = within[~mixed]
    added = [*(beyond if len(beyond) <= _NEAR else ()), *(within if len(within) < _SEVERAL else ())]
    return np.sort(np.array([*chosen, *added], int))


def covered(totals: Totals, mains: np.ndarray) -> int:
    """Returns how many pixels have the value of a class; of JPEG files, nearly."""
    if not totals.jpeg or not len(mains):
        return int(totals.pixels[mains].sum())
    near = _distance(totals, np.arange(len(totals.values)), mains) <= _NEAR_LOSSY[totals.colours]
    return int(totals.pixels[near].sum())


def left_over(totals: Totals, mains: np.ndarray) -> list[tuple[int, int]]:
    """Returns values that no class is near, and how many pixels are about each: most first.

    Smoothing and compression leave such between two classes; so may a class that is rare.
    """
    rows = np.setdiff1d(np.arange(len(totals.values)), mains)
    near = _NEAR_LOSSY[totals.colours] if totals.jpeg else _NEAR
    rows = rows[_distance(totals, rows, mains) > near]
    if not len(rows):
        return []
    _, cells = np.unique(totals.levels(rows) // _STEP, axis=0, return_inverse=True)
    cells = cells.ravel()
    sums = np.bincount(cells, totals.pixels[rows]).astype(np.int64)
    order = np.lexsort((-totals.pixels[rows], cells))
    tops = rows[order[np.unique(cells[order], return_index=True)[1]]]
    return [
        (int(totals.values[tops[cell]]), int(sums[cell]))
        for cell in np.argsort(-sums, kind="stable")
    ]


def _main_of_lossy(totals: Totals) -> np.ndarray:
    """Returns the same of JPEG files, in which a class is a cloud of values."""
    rows = np.arange(len(totals.values))
    _, cells = np.unique((totals.levels(rows) + _STEP // 2) // _STEP, axis=0, return_inverse=True)
    cells = cells.ravel()
    sums = np.bincount(cells, totals.pixels)
    order = np.lexsort((-totals.pixels, cells))
    tops = order[np.unique(cells[order], return_index=True)[1]]
    far, total = _NEAR_LOSSY[totals.colours], totals.pixels.sum()
    solid = np.bincount(cells, totals.solid) >= _SOLID * sums  # areas, however small
    chosen: list[int] = []
    for cell in np.argsort(-sums, kind="stable").tolist():
        row, share = int(tops[cell]), sums[cell] / total
        if share < _SOME:
            break
        if share < _MUCH and not solid[cell]:
            continue
        if chosen:
            homes = np.array(chosen)
            if _distance(totals, tops[[cell]], homes)[0] <= far:
                continue
            thin = share < _ALONE and not solid[cell]
            if thin and _are_between(totals, tops[[cell]], homes, far)[0]:
                continue
        chosen.append(row)
    return np.sort(np.array(chosen, int))


def _is_beside(totals: Totals, row: int, chosen: list[int]) -> bool:
    """Whether a value lies next to one of those chosen, and is much rarer than that."""
    if not chosen:
        return False
    homes = np.array(chosen)
    apart = np.abs(totals.levels(np.array([row])) - totals.levels(homes)).max(axis=1)
    near = homes[apart <= _NEAR]
    return bool((totals.pixels[row] <= _FEW * totals.pixels[near]).any())


def _distance(totals: Totals, rows: np.ndarray, homes: np.ndarray) -> np.ndarray:
    """Returns (R,) how far values are from the nearest of some, in their worst channel."""
    found = np.full(len(rows), np.iinfo(np.int64).max)
    for home in homes:
        apart = np.abs(totals.levels(rows) - totals.levels(np.array([home]))).max(axis=1)
        found = np.minimum(found, apart)
    return found


def _are_between(
    totals: Totals, rows: np.ndarray, homes: np.ndarray, far: int = 2 * _NEAR
) -> np.ndarray:
    """Returns (R,) bool: which values mix two of some others."""
    found = np.zeros(len(rows), bool)
    points, ends = totals.levels(rows).astype(float), totals.levels(homes).astype(float)
    for at, one in enumerate(ends):
        for other in ends[at + 1 :]:
            way = other - one
            part = ((points - one) @ way) / max(float(way @ way), 1.0)
            off = np.abs(points - one - np.clip(part, 0, 1)[:, None] * way).max(axis=1)
            found |= (off <= far) & (part > 0) & (part < 1)
    return found


def _are_indices(totals: Totals) -> bool:
    """Whether grey values simply number the classes."""
    values, pixels = totals.values, totals.pixels
    small = values != IGNORED
    if totals.colours or not small.any() or values[small].max() >= MOST_INDEX:
        return False
    rest = small & (values != 0)
    white = int(pixels[values == IGNORED].sum())
    loose = totals.solid[rest].sum() < _SOLID * pixels[rest].sum()
    return not (white and rest.any() and loose and pixels[rest].sum() < _STRAY * white)
