"""Trials: each enrolled photo gives a genuine and an impostor score, leave-one-out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.choices import Method
from headstart.gallery.search import unit

__all__ = ["MOST", "Trials", "leave_one_out"]

MOST = 1500  # photos that play: 1.1 million pairs
_BLOCK = 64


@dataclass(frozen=True)
class Trials:
    """The genuine and the best impostor scores of n photos.

    Attributes:
        photos: (n,) int rows of the photos among all that were given.
        people: (n,) int 0..Q-1.
        genuine: (n,) score of its own person without that photo; NaN where it is the only one.
        best_impostor: (n,) best impostor score: that of the best other person.
        impostors: (n,) int that person; those who do not play have numbers from Q on.
        ranks: (n,) int place of the own person among all, 1 for the best; 0 where `genuine` is NaN.
        pairs: (m, 2) int places in `photos`, of every pair.
        scores: (m,) float32 cosine of each pair.
        count: Q.
    """

    photos: np.ndarray
    people: np.ndarray
    genuine: np.ndarray
    best_impostor: np.ndarray
    impostors: np.ndarray
    ranks: np.ndarray
    pairs: np.ndarray
    scores: np.ndarray
    count: int

    @property
    def same(self) -> np.ndarray:
        """(m,) bool: which pairs are of one person."""
        return np.asarray(self.people[self.pairs[:, 0]] == self.people[self.pairs[:, 1]])


def leave_one_out(
    vectors: np.ndarray,
    owners: np.ndarray,
    *,
    method: Method = "knn",
    k: int = 1,
    most: int = MOST,
    seed: int = 0,
) -> Trials:
    """Scores each photo as genuine and as an impostor, everybody else being enrolled.

    Args:
        vectors: (N, D) float32 of length 1.
        owners: (N,) person of each, at least two different ones.
        method: How a person is scored, see `headstart.gallery.search`.
        k: Of `knn`.
        most: Photos that play; of more, all photos of people drawn at random.
        seed: Of that draw.
    """
    order = np.argsort(owners, kind="stable")
    _, starts, counts = np.unique(owners[order], return_index=True, return_counts=True)
    vectors = np.ascontiguousarray(vectors[order])
    people = np.repeat(np.arange(len(starts)), counts)
    drawn = np.arange(len(starts))
    if len(vectors) > most:
        mixed = np.random.default_rng(seed).permutation(len(starts))
        enough = int(np.searchsorted(np.cumsum(counts[mixed]), most)) + 1
        drawn = np.sort(mixed[: max(2, enough)])
    probes = np.flatnonzero(np.isin(people, drawn))
    sums = np.add.reduceat(vectors, starts, axis=0, dtype=np.float64)
    centroids = unit(sums) if method == "centroid" else np.empty((0, 0), np.float32)
    genuine, best_impostor = np.full(len(probes), np.nan), np.empty(len(probes))
    impostors, ranks = np.zeros(len(probes), int), np.zeros(len(probes), int)
    for begin in range(0, len(probes), _BLOCK):
        block = probes[begin : begin + _BLOCK]
        if method == "knn":
            cosines = vectors[block] @ vectors.T
            scores = _by_person(cosines, starts, counts, k)
        else:
            scores = vectors[block] @ centroids.T
        for row, at in enumerate(block.tolist()):
            person = people[at]
            if counts[person] > 1 and method == "knn":
                first = starts[person]
                mine = np.delete(cosines[row, first : first + counts[person]], at - first)
                genuine[begin + row] = np.sort(mine)[-k:].mean()
            elif counts[person] > 1:
                rest = unit((sums[person] - vectors[at])[None])[0]
                genuine[begin + row] = vectors[at] @ rest
            scores[row, person] = -np.inf
            if counts[person] > 1:
                ranks[begin + row] = 1 + int((scores[row] >= genuine[begin + row]).sum())
        best_impostor[begin : begin + len(block)] = scores.max(axis=1)
        impostors[begin : begin + len(block)] = scores.argmax(axis=1)
    # Those who play are 0..Q-1, the rest come after them.
    code = np.argsort(np.argsort(~np.isin(np.arange(len(starts)), drawn), kind="stable"))
    pairs = np.stack(np.triu_indices(len(probes), 1), axis=1).astype(np.int32)
    cosines = vectors[probes] @ vectors[probes].T
    cosines = cosines[pairs[:, 0], pairs[:, 1]]
    return Trials(
        order[probes], code[people[probes]], genuine, best_impostor, code[impostors], ranks,
        pairs, cosines, len(drawn),
    )  # fmt: skip


def _by_person(cosines: np.ndarray, starts: np.ndarray, counts: np.ndarray, k: int) -> np.ndarray:
    """Scores everybody: (b, N) cosines, people side by side, become (b, P)."""
    if k == 1:
        return np.maximum.reduceat(cosines, starts, axis=1)
    result = np.empty((len(cosines), len(starts)), np.float32)
    for count in np.unique(counts):  # people with as many photos at once
        chosen = np.flatnonzero(counts == count)
        each = cosines[:, starts[chosen][:, None] + np.arange(count)]
        if count > k:
            each = np.partition(each, count - k, axis=2)[:, :, count - k :]
        result[:, chosen] = each.mean(axis=2)
    return result
