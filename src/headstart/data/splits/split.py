"""Splits and folds: stratified by class, and never through a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from headstart.data.dataset import Dataset
from headstart.errors import OptionError

__all__ = ["folds", "leaks", "lots_of", "split_dataset"]


def split_dataset(
    dataset: Dataset, clusters: np.ndarray, *, test_size: float = 0.2, seed: int = 0
) -> np.ndarray:
    """Says which items train and which test.

    A split that the data set brings along is kept: ``val`` stays ``val`` (it counts as
    training where nothing is chosen by it), items without a split train, and where there
    is ``val`` but no ``test``, ``val`` is the test, as in many published sets. Otherwise a
    stratified share of the clusters of each class is drawn, by the names of their images: whoever
    adds images, or tells clusters by another network, moves few images from one side to the other.

    Args:
        dataset: N items.
        clusters: (N,) int from `duplicates.clusters`; a drawn split never cuts one. A given
            split may: see `leaks`.
        test_size: Share of items to test, above 0 and below 1.
        seed: Of the draw.

    Returns:
        (N,) str, each ``"train"``, ``"val"`` or ``"test"``.

    Raises:
        OptionError: `test_size` is not between 0 and 1.
    """
    if not 0 < test_size < 1:
        raise OptionError(f"test_size must lie between 0 and 1, not at {test_size}")
    tested = dataset.tested()
    if tested.any():
        splits = np.where(dataset.splits == "", "train", dataset.splits)
        own = dataset.test_name == "test"
        return splits if own else np.where(tested, "test", "train")
    strata = dataset.labels.strata
    test = _drawn(strata, clusters, lots_of(dataset.names, seed), test_size)
    if not test.any():
        _move_smallest(test, strata, clusters)
    return np.where(test, "test", "train")


def folds(targets: np.ndarray, clusters: np.ndarray, *, k: int = 5, seed: int = 0) -> np.ndarray:
    """Deals items into k folds of about equal size and mix of classes.

    Args:
        targets: (N,) int classes; -1 (unknown) is dealt like a class of its own.
        clusters: (N,) int; all items of a cluster get one fold.
        k: Number of folds. With fewer than k clusters some folds are empty; a class in
            fewer than k clusters is missing from some.
        seed: Of the draw.

    Returns:
        (N,) int64 fold numbers, 0 to k - 1.

    Raises:
        OptionError: k is below 2.
    """
    if k < 2:
        raise OptionError(f"cross-validation needs at least 2 folds, not {k}")
    return _deal(targets, clusters, k, seed)


def leaks(splits: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Finds the items that would give test items away.

    Args:
        splits: (N,) str.
        clusters: (N,) int.

    Returns:
        (N,) bool: items outside the test whose cluster also has test items.
    """
    test = splits == "test"
    return ~test & np.isin(clusters, np.unique(clusters[test]))


def lots_of(names: Sequence[str], seed: int) -> np.ndarray:
    """Returns (N,) uint64: a random number a name, which depends on no other name.

    Args:
        names: Of N images, or of N people.
        seed: Of the draw.
    """
    key = seed.to_bytes(16, "little", signed=True)
    drawn = (blake2b(name.encode(), digest_size=8, key=key).digest() for name in names)
    return np.frombuffer(b"".join(drawn), np.dtype("<u8"))


def _drawn(targets: np.ndarray, clusters: np.ndarray, lots: np.ndarray, share: float) -> np.ndarray:
    """Draws a share of every class, whole clusters, those of high lots first.

    A cluster is taken where that brings the classes nearer to their shares. As lots are kept,
    one cluster more or less moves only what lies about the last that is taken; dealt in turn,
    as folds are, every cluster after it would go elsewhere.

    Args:
        targets: (N,) int.
        clusters: (N,) int; the lot of the first image is that of its cluster.
        lots: (N,) of `lots_of`.
        share: To draw.

    Returns:
        (N,) bool.
    """
    _, kinds, totals = np.unique(targets, return_inverse=True, return_counts=True)
    _, first, numbers, sizes = np.unique(
        clusters, return_index=True, return_inverse=True, return_counts=True
    )
    joined = sizes[numbers] > 1
    taken = np.zeros(len(targets), bool)
    # Of images with and without companions alike: a test of copies alone would be another set.
    want = share * np.bincount(kinds[joined], minlength=len(totals))
    have = np.zeros(len(totals))
    members = np.split(np.argsort(numbers, kind="stable"), np.cumsum(sizes)[:-1])
    several = np.flatnonzero(sizes > 1)
    for cluster in several[np.argsort(lots[first[several]], kind="stable")[::-1]]:
        classes, counts = np.unique(kinds[members[cluster]], return_counts=True)
        growth = counts * (2 * (have[classes] - want[classes]) + counts) / want[classes]
        if growth.sum() < 0:  # of the squared misfit
            have[classes] += counts
            taken[members[cluster]] = True

    singles = np.flatnonzero(~joined)
    singles = singles[np.lexsort((lots[singles], kinds[singles]))]
    there = np.bincount(kinds[singles], minlength=len(totals))
    wanted = np.clip(np.rint(share * totals - have), 0, there).astype(np.int64)
    for stop, count in zip(np.cumsum(there), wanted):
        taken[singles[stop - count : stop]] = True
    return taken


def _deal(targets: np.ndarray, clusters: np.ndarray, p: int, seed: int) -> np.ndarray:
    """Deals clusters to parts so that every class fills all parts alike.

    scikit-learn's StratifiedGroupKFold does this, but walks through all groups in Python,
    weighing every fold and class for each: with 100,000 images that are nearly all clusters of
    one that is slow. Here only clusters of several items are placed one by one, largest first;
    then the single ones of each class fill what is still wanting, all at once.

    Args:
        targets: (N,) int.
        clusters: (N,) int.
        p: Number of parts.
        seed: Decides among equals.

    Returns:
        (N,) int64 part numbers.
    """
    rng = np.random.default_rng(seed)
    n, shares = len(targets), np.full(p, 1 / p)
    _, kinds, totals = np.unique(targets, return_inverse=True, return_counts=True)
    _, numbers, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    want = totals[:, None] * shares
    have = np.zeros((len(totals), p))
    parts = np.zeros(n, np.int64)

    order = np.argsort(numbers, kind="stable")
    ends = np.cumsum(sizes)
    several = rng.permutation(np.flatnonzero(sizes > 1))
    for cluster in several[np.argsort(-sizes[several], kind="stable")]:
        items = order[ends[cluster] - sizes[cluster] : ends[cluster]]
        classes, counts = np.unique(kinds[items], return_counts=True)
        counts = counts[:, None]
        # The growth of the squared misfit; the second term keeps the parts of one size.
        misfit = counts * (2 * (have[classes] - want[classes]) + counts) / want[classes]
        total = have.sum(0) / (n * shares)
        part = int(np.argmin(misfit.sum(0) + 1e-3 * total + 1e-9 * rng.random(p)))
        have[classes, part] += counts[:, 0]
        parts[items] = part

    singles = rng.permutation(np.flatnonzero(sizes[numbers] == 1))
    singles = singles[np.argsort(kinds[singles], kind="stable")]
    present, counts = np.unique(kinds[singles], return_counts=True)
    stops = np.cumsum(counts)
    for kind, count, stop in zip(present, counts, stops):
        lacking = np.maximum(want[kind] - have[kind], 0)
        quota = count * lacking / max(lacking.sum(), 1e-12)
        take = np.floor(quota + 1e-9).astype(np.int64)
        fill = have.sum(0) / (n * shares)
        rest = np.lexsort((rng.random(p), fill, -np.round(quota - take, 6)))
        take[rest[: count - take.sum()]] += 1
        parts[singles[stop - count : stop]] = np.repeat(np.arange(p), take)
        have[kind] += take
    return parts


def _move_smallest(test: np.ndarray, targets: np.ndarray, clusters: np.ndarray) -> None:
    """Gives the test one cluster of each class that has two, where rounding left it none."""
    for kind in np.unique(targets[targets >= 0]):
        there, sizes = np.unique(clusters[targets == kind], return_counts=True)
        moved = there[np.argmin(sizes)]
        if len(there) > 1 and not test[clusters == moved].any():
            test[clusters == moved] = True
