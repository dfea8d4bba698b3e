"""Whether the same people are on both sides of a split, told by their faces where no column says.

No threshold of anybody else's data is used: nearly all pairs of photos show two people, so their
cosines tell what strangers look like to this embedder on these photos.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np

from headstart.data.dataset import Dataset
from headstart.metrics.vectors import unit_rows
from headstart.records import Finding

__all__ = ["same_person_findings", "same_person_pairs"]

_SHOWN = 24
_BLOCK = 1024
# Pairs of strangers that may be taken for one person, in all of the data.
_FALSE = 0.5
# Spread of strangers' cosines is read off where no pair of one person plays a part.
_LOW, _HIGH = 0.1, 0.5
_FEW = 20


def same_person_pairs(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """Finds pairs of photos whose faces are more alike than strangers' ever are.

    Args:
        vectors: (N, D) face embeddings.

    Returns:
        (P, 2) int pairs, the most alike first, and the cosine from which on they count: where a
        normal distribution through the lower half of all cosines lets half a pair of strangers
        pass in all.
    """
    n = len(vectors)
    if n < _FEW:
        return np.empty((0, 2), np.int64), math.nan
    unit = unit_rows(vectors)
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, n, (2, 200_000))
    some = np.einsum("ij,ij->i", unit[one[one != other]], unit[other[one != other]])
    low, middle = np.quantile(some, [_LOW, _HIGH])
    spread = (middle - low) / -NormalDist().inv_cdf(_LOW)
    pairs = n * (n - 1) / 2
    limit = float(middle + NormalDist().inv_cdf(1 - min(_FALSE / pairs, 0.5)) * spread)
    found, alike = [], []
    for start in range(0, n, _BLOCK):
        block = unit[start : start + _BLOCK] @ unit[start:].T
        rows, columns = np.nonzero(block > limit)
        later = columns > rows
        found.append(np.stack([rows[later], columns[later]], axis=1) + start)
        alike.append(block[rows[later], columns[later]])
    order = np.argsort(-np.concatenate(alike), kind="stable")
    return np.concatenate(found)[order], limit


def same_person_findings(
    dataset: Dataset, vectors: np.ndarray, copies: np.ndarray
) -> Iterator[Finding]:
    """Says where one person sits on both sides of a split, or would.

    Args:
        dataset: N items.
        vectors: (N, D) face embeddings.
        copies: (N,) int cluster of near duplicates and groups: what is known already.
    """
    pairs, limit = same_person_pairs(vectors)
    pairs = pairs[copies[pairs[:, 0]] != copies[pairs[:, 1]]]
    if not len(pairs) or _classes_are_people(dataset, pairs):
        return
    where = f"cosine above {limit:.2f}, where strangers on these photos do not come"
    sides = np.where(np.isin(dataset.splits, ("test", "val")), 1, 0)
    if len(set(dataset.splits.tolist())) > 1:
        across = pairs[sides[pairs[:, 0]] != sides[pairs[:, 1]]]
        if len(across):
            yield Finding(
                "same_person_across_splits", "serious",
                f"The same person seems to be on both sides of the split in {len(across):,} pairs "
                f"of photos ({where}).",
                _shown(dataset, across),
                "Look at the pairs; split by person: put who is who into a column and name it "
                "with --group.",
                len(across),
            )  # fmt: skip
    elif dataset.groups is None:
        photos = len(np.unique(pairs))
        yield Finding(
            "same_person_ungrouped", "warning",
            f"{photos:,} photos seem to show a person who is on other photos too ({where}), and no "
            f"column says who is who.",
            _shown(dataset, pairs),
            "A random split would let one person train and test: put who is who into a column and "
            "name it with --group.",
            photos,
        )  # fmt: skip


def _classes_are_people(dataset: Dataset, pairs: np.ndarray) -> bool:
    """Tells whether the classes themselves are people: then to know them again is the task.

    Of two photos of one person nearly all then share their class, though two random ones
    hardly ever do.
    """
    if not dataset.labelled.all():
        return False
    strata = dataset.labels.strata
    together = strata[pairs[:, 0]] == strata[pairs[:, 1]]
    by_chance = float(((np.bincount(strata[strata >= 0]) / max(len(dataset), 1)) ** 2).sum())
    return bool(together.mean() > 0.95 and by_chance < 0.3)


def _shown(dataset: Dataset, pairs: np.ndarray) -> tuple[str, ...]:
    return tuple(f"{dataset.names[a]} = {dataset.names[b]}" for a, b in pairs[:_SHOWN])
