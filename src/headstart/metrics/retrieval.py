"""Retrieval: whether the nearest images show the same identity, measured on people never seen.

Every image asks once and all others are the gallery, so nothing has to be drawn. The measures
are those that a reality check of metric learning settled on (Musgrave, Belongie and Lim, ECCV
2020): recall@1 saturates early, mean average precision at R does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.metrics.interval import cluster_bootstrap
from headstart.metrics.vectors import unit_rows
from headstart.records import Estimate

__all__ = ["MEASURES", "Retrieved", "gain", "neighbour_loss", "retrieve", "summarise"]

MEASURES = {
    "recall_at_1": "recall@1",
    "map_at_r": "mAP@R",
    "r_precision": "R-precision",
    "one_shot": "recall@1, one image a person",
}
"""Name of a measure -> what people call it."""

_BLOCK = 512


@dataclass(frozen=True)
class Retrieved:
    """What every query found; M queries are left of N, those that had anything to find.

    Attributes:
        items: (M,) int which of the N images asked.
        identities: (M,) int whom they show.
        recall_at_1: (M,) whether the nearest image shows the same identity.
        map_at_r: (M,) average precision among the R nearest, R the images that could be found:
            the mean of precision at i over i up to R, where only right answers count.
        r_precision: (M,) share of right answers among the R nearest.
        one_shot: (M,) chance that the nearest of a gallery with one image of every identity is
            the right one, over all such galleries.
    """

    items: np.ndarray
    identities: np.ndarray
    recall_at_1: np.ndarray
    map_at_r: np.ndarray
    r_precision: np.ndarray
    one_shot: np.ndarray


def retrieve(
    vectors: np.ndarray, identities: np.ndarray, *, copies: np.ndarray | None = None
) -> Retrieved:
    """Asks with every image for the others of its identity, by cosine.

    Source: Musgrave, Belongie and Lim, "A metric learning reality check", ECCV 2020; one image a
    person: Tan et al., "Face recognition from a single image per person", Pattern Recognition
    2006, here as the exact mean over galleries instead of a drawn one.

    Args:
        vectors: (N, D) float, of any length; they are scaled to length 1.
        identities: (N,) int.
        copies: (N,) int; images of one number are copies of each other, and finding a copy is
            no merit: they are not in the gallery of each other. None: there are none.

    Raises:
        ValueError: If the shapes do not fit.
    """
    n = len(vectors)
    if vectors.ndim != 2 or identities.shape != (n,):
        raise ValueError(f"need (N, D) and (N,), got {vectors.shape} and {identities.shape}")
    copies = np.arange(n) if copies is None else copies
    if copies.shape != (n,):
        raise ValueError(f"copies must be ({n},), got {copies.shape}")
    _, codes = np.unique(identities, return_inverse=True)
    order = np.argsort(codes, kind="stable")  # images of one identity side by side
    codes, copies = codes[order], copies[order]
    x = unit_rows(np.asarray(vectors, np.float32)[order])
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    found = []
    for first in range(0, n, _BLOCK):
        rows = np.arange(first, min(first + _BLOCK, n))
        for row, cosine in zip(rows, x[rows] @ x.T, strict=True):
            usable = copies != copies[row]
            right = (codes == codes[row]) & usable
            r = int(right.sum())
            if not r or r == int(usable.sum()):
                continue  # nothing to find, or nothing to take it for
            cosine[~usable] = -np.inf
            nearest = np.argpartition(-cosine, r - 1)[:r]
            nearest = nearest[np.argsort(-cosine[nearest], kind="stable")]
            hits = right[nearest]
            precision = np.cumsum(hits) / np.arange(1, r + 1)
            single = _one_shot(cosine, right, usable, int(codes[row]), starts)
            average = float((precision * hits).sum() / r)
            found.append((order[row], hits[0], average, float(hits.mean()), single))
    found.sort(key=lambda each: each[0])
    columns = np.array(found, np.float64).reshape(-1, 5).T
    items = columns[0].astype(int)
    return Retrieved(items, np.asarray(identities)[items], *columns[1:])


def _one_shot(
    cosine: np.ndarray, right: np.ndarray, usable: np.ndarray, own: int, starts: np.ndarray
) -> float:
    """Returns the chance that one image of its own identity beats one of each other identity.

    The images are drawn independently, so that the chance is a product over the others.

    Args:
        cosine: (N,) of a query; images of one identity lie side by side.
        right: (N,) bool, which images could be found.
        usable: (N,) bool, which are in the gallery at all.
        own: Which identity asks.
        starts: (C,) int where the images of each identity begin.
    """
    below = (cosine[None, :] < cosine[right][:, None]) & usable
    counts = np.add.reduceat(below, starts, axis=1, dtype=np.int64)
    sizes = np.add.reduceat(usable, starts, dtype=np.int64)
    others = (np.arange(len(starts)) != own) & (sizes > 0)
    return float((counts[:, others] / sizes[others]).prod(axis=1).mean())


def summarise(found: Retrieved, *, seed: int = 0) -> dict[str, Estimate]:
    """Returns every measure with an interval over identities.

    Images of one person are not independent, so whole people are drawn (cluster bootstrap).

    Args:
        found: At least one query.
        seed: Of the draws.

    Raises:
        ValueError: If no query is left.
    """
    if not len(found.items):
        raise ValueError("no identity has two images beside those of another: nothing to retrieve")
    return {
        name: _mean(getattr(found, name), found.identities, bounds=(0.0, 1.0), seed=seed)
        for name in MEASURES
    }


def gain(found: Retrieved, other: Retrieved, *, seed: int = 0) -> dict[str, Estimate]:
    """Returns every measure minus that of another embedding on the same queries, paired.

    Args:
        found: Of one embedding.
        other: Of another, on the same images.
        seed: Of the draws.

    Raises:
        ValueError: If the queries differ.
    """
    if not np.array_equal(found.items, other.items):
        raise ValueError("both must have been asked with the same images")
    return {
        name: _mean(
            getattr(found, name) - getattr(other, name), found.identities, bounds=(-1.0, 1.0),
            seed=seed,
        )
        for name in MEASURES
    }  # fmt: skip


def _mean(
    values: np.ndarray, clusters: np.ndarray, *, bounds: tuple[float, float], seed: int
) -> Estimate:
    return cluster_bootstrap(
        lambda weights: weights @ values / weights.sum(axis=1), clusters, n=len(values),
        bounds=bounds, seed=seed,
    )  # fmt: skip


def neighbour_loss(
    vectors: np.ndarray, identities: np.ndarray, *, temperature: float = 0.1
) -> float:
    """Returns the mean log-loss of naming an image by a soft vote of all others.

    Source: neighbourhood components analysis (Goldberger et al., NIPS 2004) on cosines. Where
    recall@1 is the same for two embeddings, this still tells them apart.

    Args:
        vectors: (N, D) unit rows.
        identities: (N,) int.
        temperature: Of the vote.

    Returns:
        NaN where no image has another of its identity.
    """
    scores = (vectors @ vectors.T).astype(np.float64) / temperature
    np.fill_diagonal(scores, -np.inf)
    scores -= scores.max(axis=1, keepdims=True)
    votes = np.exp(scores)
    same = identities[:, None] == identities[None, :]
    right = np.where(same, votes, 0.0).sum(axis=1)
    asked = same.sum(axis=1) > 1
    if not asked.any():
        return float("nan")
    share = right[asked] / votes[asked].sum(axis=1)
    return float(-np.log(np.maximum(share, 1e-12)).mean())
