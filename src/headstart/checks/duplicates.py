"""Duplicates: the same file twice, the same image twice, and what must stay together.

Near duplicates are found in two steps. The 256-bit difference hashes of all pairs are
compared in blocks, which needs no n x n matrix; then the 16 x 16 thumbnails of the few
pairs that are left must agree, because the hash of a drawing on plain paper says little.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from headstart.images.stats import ImageStats
from headstart.metrics.vectors import unit_rows

__all__ = ["BLANK", "clusters", "components", "exact_duplicates", "near_duplicates"]

BLANK = 3.0
"""Images whose grey levels spread less show nothing that could be the same image."""

# Tuned by eye on photos, brain scans, faces, magnetic tiles under six exposures, and
# characters of one stroke: all pairs of the first four within these bounds are the same
# image or the same thing again, and of 2,720 drawn characters no two are.
_LIKENESS = 0.97
_FAR = 10
_FAR_LIKENESS = 0.985
_ROUGH_LIKENESS = 0.95
_COLOUR = 20.0
# In a crowd of look-alikes every image need not be compared with every other: it is linked
# to its next neighbours, they to theirs, and so all of them are one cluster.
_MOST_CANDIDATES = 128
_MOST_PAIRS = 16
_CROWD = 20
# Blocks that stay in the processor's cache; small ones first, because in a crowd the nearest
# neighbours are enough.
_ROWS, _FIRST, _COLUMNS = 64, 64, 8192


def exact_duplicates(stats: ImageStats) -> list[np.ndarray]:
    """Returns the groups of items whose files have the same bytes.

    Args:
        stats: N rows; unreadable ones are left out.

    Returns:
        One (M,) int array of ascending indices per group of M >= 2, in order of first member.
    """
    items = np.flatnonzero(stats.readable)
    if not len(items):
        return []
    keys = np.ascontiguousarray(stats.keys[items]).view("V16").ravel()
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    ends = np.cumsum(counts)
    groups = [items[order[ends[k] - counts[k] : ends[k]]] for k in np.flatnonzero(counts > 1)]
    return sorted(groups, key=lambda group: int(group[0]))


@dataclass(frozen=True)
class _Looks:
    """What thumbnails are compared by.

    Attributes:
        shapes: (M, 256) float32 grey levels of mean 0 and length 1, so that products are
            correlations, whatever the exposure.
        rough: (M, 16) float32 of a quarter of the resolution, likewise.
        hues: (M, 32) float32, red and blue against grey in 4 x 4 fields, in grey levels.
            Exposure moves all channels together; another colour is another thing.
    """

    shapes: np.ndarray
    rough: np.ndarray
    hues: np.ndarray

    @classmethod
    def of(cls, thumbnails: np.ndarray) -> _Looks:
        """Measures (M, 16, 16, 3) uint8 thumbnails."""
        m = len(thumbnails)
        looks = cls(*(np.empty((m, size), np.float32) for size in (256, 16, 32)))
        for at in range(0, m, 4096):
            part = thumbnails[at : at + 4096].astype(np.float32)
            fields = part.reshape(-1, 4, 4, 4, 4, 3).mean(axis=(2, 4))
            looks.shapes[at : at + 4096] = _centred_unit(part.mean(axis=3).reshape(len(part), -1))
            looks.rough[at : at + 4096] = _centred_unit(fields.mean(axis=3).reshape(len(part), -1))
            hues = fields[..., ::2] - fields.mean(axis=3, keepdims=True)
            looks.hues[at : at + 4096] = hues.reshape(len(part), -1)
        return looks

    def agree(self, i: np.ndarray, j: np.ndarray, apart: np.ndarray) -> np.ndarray:
        """Returns (K,) bool: whether rows i and j look the same, `apart` bits of hash away."""
        good = np.flatnonzero(_products(self.rough, i, j) >= _ROUGH_LIKENESS)
        hue = np.abs(self.hues[i[good]] - self.hues[j[good]]).mean(axis=1)
        good = good[hue <= _COLOUR]
        demanded = np.where(apart[good] > _FAR, _FAR_LIKENESS, _LIKENESS)
        same = np.zeros(len(i), bool)
        same[good[_products(self.shapes, i[good], j[good]) >= demanded]] = True
        return same


def _products(rows: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    return np.einsum("kp,kp->k", rows[i], rows[j])


def _centred_unit(rows: np.ndarray) -> np.ndarray:
    return unit_rows(rows - rows.mean(axis=1, keepdims=True), least=1e-6)


def near_duplicates(stats: ImageStats, *, distance: int = 16) -> np.ndarray:
    """Finds pairs of different files that show the same image.

    Re-encoded, resized, brightened and slightly cropped copies are found; rotated or much
    cropped ones are not. Of files with the same bytes only the first takes part, and blank
    images do not. Each image is paired with at most 16 later ones, so in a larger crowd the
    pairs connect all of it without listing every pair. Where more than a fifth of all images
    would be one crowd (a fixed camera), its pairs must be more alike.

    Source: difference hash, Krawetz (2013), "Kind of Like That". A hash of which few bits
    are set holds less information, so the bits it may differ by are scaled by 4 p (1 - p),
    the share of bits set being p.

    Args:
        stats: N rows.
        distance: Most bits of the 256 that may differ.

    Returns:
        (P, 2) int64 pairs of indices, i < j, sorted.
    """
    keys = np.ascontiguousarray(stats.keys).view("V16").ravel()
    wanted = np.zeros(len(keys), bool)
    wanted[np.unique(keys, return_index=True)[1]] = True
    wanted &= stats.readable & (stats.contrast >= BLANK)
    items = np.flatnonzero(wanted)
    if len(items) < 2:
        return np.zeros((0, 2), np.int64)

    # Every fourth bit of all rows makes the first word: it has something of the whole
    # image, where 64 bits in a row may be all sky. Pairs that differ there are out.
    bits = np.unpackbits(stats.dhashes[items], axis=1).reshape(-1, 64, 4)
    words = np.packbits(bits.transpose(0, 2, 1).reshape(-1, 256), axis=1).view(np.uint64)
    set_bits = np.bitwise_count(words).sum(1).astype(np.int64)
    brightness = stats.thumbnails[items].mean(axis=(1, 2, 3))
    # In order of bits set, partners lie in a window; alike ones come next to each other.
    order = np.lexsort((brightness, *words.T[::-1], set_bits))
    items, words, set_bits = items[order], words[order], set_bits[order]
    share = set_bits / 256
    limits = np.floor(distance * 4 * share * (1 - share)).astype(np.uint8)
    looks = _Looks.of(stats.thumbnails[items])

    def search(start: int) -> np.ndarray:
        stop = min(start + _ROWS, len(items))
        window = int(np.searchsorted(set_bits, set_bits[stop - 1] + distance, side="right"))
        found = list(_search(words, limits, looks, start, stop, window))
        return np.concatenate(found) if found else np.zeros((0, 2), np.int64)

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:  # numpy lets go of the GIL
        pairs = np.concatenate(list(pool.map(search, range(0, len(items), _ROWS))))
    pairs = _thinned(np.sort(items[pairs], axis=1), stats.dhashes)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _thinned(pairs: np.ndarray, dhashes: np.ndarray) -> np.ndarray:
    """Demands more likeness of the pairs of a crowd that is a large part of the whole set.

    Before a fixed camera all images look alike from afar, and what they are classed by may
    be a scratch. Linked all together they could never be split.
    """
    n = len(dhashes)
    apart = np.bitwise_count(dhashes[pairs[:, 0]] ^ dhashes[pairs[:, 1]]).sum(1)
    for level in (8, 4, 2, 1, 0):
        labels = components(pairs, n)
        crowd = np.bincount(labels, minlength=1) > max(_CROWD, n / 5)
        dense = crowd[labels[pairs[:, 0]]] & (apart > level)
        pairs, apart = pairs[~dense], apart[~dense]
    return pairs


def components(edges: np.ndarray, n: int) -> np.ndarray:
    """Numbers the connected components of a graph.

    Labels sink to the smallest of their neighbours, and to the label of that label, until
    nothing moves (Shiloach and Vishkin, 1982). SciPy has it too, at 0.3 s of import.

    Args:
        edges: (E, 2) int ends of each edge.
        n: Number of nodes.

    Returns:
        (N,) int component numbers from 0, in order of first appearance.
    """
    labels = np.arange(n)
    while True:
        ends = labels[edges]
        least = ends.min(axis=1)
        sunk = labels.copy()
        np.minimum.at(sunk, ends.ravel(), np.repeat(least, 2))
        while not np.array_equal(sunk, sunk[sunk]):
            sunk = sunk[sunk]
        if np.array_equal(sunk, labels):
            return np.unique(labels, return_inverse=True)[1]
        labels = sunk


def _search(
    words: np.ndarray, limits: np.ndarray, looks: _Looks, start: int, stop: int, window: int
) -> Iterator[np.ndarray]:
    """Yields the pairs (row, later row) of rows start to stop with rows up to `window`."""
    rows = np.arange(start, stop)
    tried = np.zeros(stop - start, np.int64)
    kept = np.zeros(stop - start, np.int64)
    at, step = start + 1, _FIRST
    while at < window:
        active = rows[(tried < _MOST_CANDIDATES) & (kept < _MOST_PAIRS)]
        if not len(active):
            return
        end = min(at + step, window)
        near = np.bitwise_count(words[active, None, 0] ^ words[None, at:end, 0])
        one, two = np.divmod(np.flatnonzero(near <= limits[active, None]), end - at)
        i, j = active[one], two + at
        i, j = i[j > i], j[j > i]
        apart = np.bitwise_count(words[i] ^ words[j]).sum(1, dtype=np.uint16)
        close = apart <= limits[i]
        i, j, apart = i[close], j[close], apart[close]
        i, j, apart = _at_most(_MOST_CANDIDATES, tried, start, i, j, apart)
        same = looks.agree(i, j, apart)
        i, j, _ = _at_most(_MOST_PAIRS, kept, start, i[same], j[same], apart[same])
        if len(i):
            yield np.stack([i, j], axis=1)
        at, step = end, min(4 * step, _COLUMNS)


def _at_most(
    most: int, counts: np.ndarray, start: int, i: np.ndarray, j: np.ndarray, apart: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keeps the first pairs of each row, `most` in all, and adds them to `counts`."""
    first = np.flatnonzero(np.diff(i, prepend=-1))  # i is sorted: where each row begins
    sizes = np.diff(first, append=len(i))
    rank = np.arange(len(i)) - np.repeat(first, sizes) + counts[i - start]
    keep = rank < most
    np.add.at(counts, i[keep] - start, 1)
    return i[keep], j[keep], apart[keep]


def clusters(
    stats: ImageStats,
    *groupings: np.ndarray | None,
    pairs: np.ndarray | None = None,
) -> np.ndarray:
    """Numbers the sets of items that must never lie on both sides of a split.

    Two items are in one cluster when they are exact or near duplicates or share a group,
    or when a chain of such links joins them.

    Args:
        stats: N rows.
        groupings: Each (N,) str of persons, patients, videos, stems of names; ``""`` is no group.
        pairs: (P, 2) near duplicates, if `near_duplicates` was called before.

    Returns:
        (N,) int64 cluster numbers from 0, in order of first appearance.
    """
    n = len(stats.widths)
    links = [near_duplicates(stats) if pairs is None else np.asarray(pairs).reshape(-1, 2)]
    links += [
        np.stack([np.full(len(group) - 1, group[0]), group[1:]], axis=1)
        for group in exact_duplicates(stats)
    ]
    for groups in groupings:
        if groups is None:
            continue
        known = np.flatnonzero(groups != "")
        _, first, inverse = np.unique(groups[known], return_index=True, return_inverse=True)
        links.append(np.stack([known[first][inverse], known], axis=1))
    edges = np.concatenate(links).astype(np.int64)
    labels = components(edges, n)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)
