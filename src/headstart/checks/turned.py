"""`turned_copies`: images that are another one mirrored, or turned by quarters; and all copies.

As whoever augments first and splits afterwards leaves them. A difference hash does not see them.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from headstart.checks.duplicates import BLANK, components, near_duplicates
from headstart.data.dataset import Dataset
from headstart.images.stats import ImageStats
from headstart.metrics.vectors import unit_rows

__all__ = ["copy_pairs", "turned_copies"]

# Of 398 ants and bees, 1,500 faces, 400 portraits and 253 brain scans, and of 1,500 small photos
# and 1,500 drawn characters, no two images are within these bounds; of 960 flowers one pair is.
_ALIKE = 0.975  # of two thumbnails, one of them turned
_OWN = 0.9  # as they are: what looks like itself turned shows nothing
_SIEVE = 0.97
_COLOUR = 20.0  # grey levels between them, in quarters of the side
_NEXT = 8  # candidates of each image
_CROWD, _SHARE = 20, 0.2
_MOST = 20_000  # images; the products of all pairs of more take minutes
_ROWS = 512


def copy_pairs(dataset: Dataset, stats: ImageStats) -> np.ndarray:
    """Returns (P, 2) int64 pairs of copies, i < j, sorted: near duplicates, and turned ones.

    Args:
        dataset: N items.
        stats: Their N rows.
    """
    turned = turned_copies(stats, dataset.labels.strata)
    return np.unique(np.concatenate([near_duplicates(stats), turned]), axis=0)


def turned_copies(stats: ImageStats, strata: np.ndarray | None = None) -> np.ndarray:
    """Finds pairs of images of which one is the other mirrored or turned by 90, 180 or 270 degrees.

    The values at the places that mirroring and turning exchange, sorted, are the same for both:
    these are compared first, then the thumbnails themselves. Images that look much the same turned
    as they are (a disc in the middle) are left alone, and so are pairs of different labels, since
    an arrow to the left is no arrow to the right.

    Args:
        stats: N rows.
        strata: (N,) int labels; -1 unknown. None where there are none.

    Returns:
        (P, 2) int64 pairs of indices, i < j, sorted; none of more than 20,000 images.
    """
    none = np.zeros((0, 2), np.int64)
    items = np.flatnonzero(stats.readable & (stats.contrast >= BLANK))
    if not 2 <= len(items) <= _MOST:
        return none
    pixels = stats.thumbnails[items].astype(np.float32)
    grey = pixels.mean(axis=3)
    shapes = _unit(grey)
    keys = _unit(_sorted_orbits(grey))
    found = []
    for start in range(0, len(items), _ROWS):
        likeness = keys[start : start + _ROWS] @ keys.T
        rows = np.arange(len(likeness))
        likeness[rows, start + rows] = -1
        many = min(_NEXT, likeness.shape[1] - 1)
        near = np.argpartition(-likeness, many, axis=1)[:, :many]
        i, at = np.nonzero(np.take_along_axis(likeness, near, axis=1) >= _SIEVE)
        found.append(np.stack([start + i, near[i, at]], axis=1))
    pairs = np.unique(np.sort(np.concatenate(found), axis=1), axis=0)
    if strata is not None:
        own = strata[items]
        pairs = pairs[own[pairs[:, 0]] == own[pairs[:, 1]]]
    pairs = pairs[np.einsum("kp,kp->k", shapes[pairs[:, 0]], shapes[pairs[:, 1]]) < _OWN]
    pairs = pairs[_turned(pixels, shapes, pairs)]
    labels = components(pairs, len(items))
    crowd = np.bincount(labels, minlength=1) > max(_CROWD, _SHARE * len(items))
    pairs = np.sort(items[pairs[~crowd[labels[pairs[:, 0]]]]], axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].astype(np.int64)


def _turned(pixels: np.ndarray, shapes: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Returns (P,) bool: whether one is the other, turned in one of seven ways."""
    same = np.zeros(len(pairs), bool)
    i, j = pairs.T
    for quarters, mirrored in list(product(range(4), (False, True)))[1:]:
        other = np.rot90(pixels[j], quarters, axes=(1, 2))
        other = other[:, :, ::-1] if mirrored else other
        likeness = np.einsum("kp,kp->k", shapes[i], _unit(other.mean(axis=3)))
        same |= (likeness >= _ALIKE) & (_hues(pixels[i], other) <= _COLOUR)
    return same


def _hues(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns (P,) how far two are in colour, whatever their brightness."""
    fields = [
        (part := each.reshape(-1, 4, 4, 4, 4, 3).mean(axis=(2, 4))) - part.mean(axis=3)[..., None]
        for each in (one, other)
    ]
    return np.abs(fields[0] - fields[1]).mean(axis=(1, 2, 3))


def _sorted_orbits(grey: np.ndarray) -> np.ndarray:
    """Returns (N, 64) values of an 8 x 8 reduction that turning and mirroring do not change.

    Args:
        grey: (N, 16, 16).
    """
    small = grey.reshape(-1, 8, 2, 8, 2).mean(axis=(2, 4)).reshape(len(grey), -1)
    grid = np.arange(64).reshape(8, 8)
    ways = [np.rot90(each, k).ravel() for each in (grid, grid[:, ::-1]) for k in range(4)]
    orbits = {tuple(sorted({int(way[place]) for way in ways})) for place in range(64)}
    return np.concatenate([np.sort(small[:, list(each)], axis=1) for each in sorted(orbits)], 1)


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.reshape(len(rows), int(np.prod(rows.shape[1:])))
    return unit_rows(rows - rows.mean(axis=1, keepdims=True), least=1e-6)
