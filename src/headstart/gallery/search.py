"""Exact search: who of a gallery is most similar to a photo. Numpy only.

The score of a person is a cosine: by `knn` the mean of the person's k most similar photos
(Mitani and Hamamoto, Pattern Recognition Letters 2006), by `centroid` that of the mean of
all (Snell et al., NeurIPS 2017). Nothing is approximated: every vector is compared.
"""

from __future__ import annotations

import numpy as np

from headstart.choices import Method
from headstart.gallery.rows import Changes
from headstart.metrics.vectors import unit_rows

__all__ = ["Index", "Match", "unit"]

Match = tuple[str, float]
"""A person and the score."""

# Columns a block. Not a power of two: rows of a block then fall onto different lines of a cache.
_BLOCK = 16_400
# Photos looked at first for the best people; as a rule they hold all that can be among them.
_LEADING = 64


def unit(vectors: np.ndarray) -> np.ndarray:
    """Returns vectors scaled to length 1, (N, D) float32; a zero vector stays zero."""
    return unit_rows(vectors).astype(np.float32, copy=False)


class Index:
    """The vectors of a gallery in memory; people come and go without anything being rebuilt.

    Vectors are columns, not rows: a product with one photo then runs through memory in long
    strips, which is nearly twice as fast as row by row. They lie in blocks, so that growing
    never copies what is there.

    Args:
        dimension: D.
        method: How a person is scored.
        k: Of `knn`: how many of the person's photos count.
    """

    def __init__(self, dimension: int, *, method: Method = "knn", k: int = 1) -> None:
        self.dimension, self.method, self.k = dimension, method, k
        self._names: dict[int, str] = {}
        self._blocks: list[np.ndarray] = []
        self._owners = np.zeros(0, np.int64)
        self._used = 0
        self._places: dict[int, list[int]] = {}  # person -> columns
        # Of `centroid`: what the one column of each person is the direction of.
        self._sums: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._names)

    @property
    def people(self) -> tuple[str, ...]:
        """Names, in the order in which they were enrolled."""
        return tuple(self._names.values())

    def apply(self, changes: Changes) -> None:
        """Takes in what `Store.changes` says."""
        self._names.update(changes.people)
        self.add(changes.owners, changes.vectors)
        self.remove(changes.removed)

    def name(self, person: int, name: str) -> None:
        """Says what a person is called."""
        self._names[person] = name

    def add(self, owners: np.ndarray, vectors: np.ndarray) -> None:
        """Adds photos.

        Args:
            owners: (N,) int64 ids of people.
            vectors: (N, D) float32 of length 1.
        """
        if self.method == "knn":
            self._append(owners, vectors)
            return
        order = np.argsort(owners, kind="stable")
        people, starts = np.unique(owners[order], return_index=True)
        if not len(people):
            return
        added = np.add.reduceat(vectors[order], starts, axis=0, dtype=np.float64)
        for person, each in zip(people.tolist(), added, strict=True):
            self._sums[person] = self._sums.get(person, 0.0) + each
        directions = unit(np.stack([self._sums[person] for person in people.tolist()]))
        known = np.array([person in self._places for person in people.tolist()], bool)
        for person, direction in zip(people[known].tolist(), directions[known], strict=True):
            self._put(self._places[person][0], direction)
        self._append(people[~known], directions[~known])

    def remove(self, people: tuple[int, ...]) -> None:
        """Forgets people; ids that are not there are passed over."""
        for person in people:
            self._names.pop(person, None)
            self._sums.pop(person, None)
            places = set(self._places.pop(person, ()))
            # The last columns move into the gaps, so that nothing else does.
            kept = self._used - len(places)
            movers = [at for at in range(kept, self._used) if at not in places]
            for gap, mover in zip((at for at in places if at < kept), movers, strict=True):
                owner = int(self._owners[mover])
                self._put(gap, self._blocks[mover // _BLOCK][:, mover % _BLOCK])
                self._owners[gap] = owner
                moved = self._places[owner]
                moved[moved.index(mover)] = gap
            self._used = kept

    def search(self, vectors: np.ndarray, *, top: int = 1) -> list[list[Match]]:
        """Returns the most similar people of each photo, the best first.

        Args:
            vectors: (M, D) float32 of length 1.
            top: How many people.

        Returns:
            M lists of at most `top` matches; empty ones where nobody is enrolled.
        """
        if not self._used:
            return [[] for _ in vectors]
        vectors = np.asarray(vectors, np.float32)
        return [self._best(self._cosines(vector), top) for vector in vectors]

    def _best(self, scores: np.ndarray, top: int) -> list[Match]:
        """Ranks people by their photos' cosines, (N,).

        Nobody's mean is above their best photo, so the search goes down the photos until no
        photo that is left can lift anyone among the best (Fagin's threshold algorithm, 2003).
        """
        owners = self._owners[: self._used]
        k = self.k if self.method == "knn" else 1
        leading = max(_LEADING, 4 * top * k)
        while True:
            if leading < len(scores):
                ahead = np.argpartition(scores, len(scores) - leading)[-leading:]
            else:
                ahead = np.arange(len(scores))
            ahead = ahead[np.argsort(-scores[ahead], kind="stable")]
            found: dict[int, float] = {}
            best: list[float] = []
            for at in ahead.tolist():
                person, score = int(owners[at]), float(scores[at])
                if len(best) >= top and best[top - 1] >= score:
                    break
                if person not in found:
                    if k > 1:
                        own = np.sort(scores[self._places[person]])[-k:]
                        score = float(own.mean())
                    found[person] = score
                    best = sorted([*best, score], reverse=True)[:top]
            else:
                if len(ahead) < len(scores):
                    leading *= 8
                    continue
            ranked = sorted(found.items(), key=lambda each: -each[1])[:top]
            return [(self._names[person], score) for person, score in ranked]

    def _cosines(self, vector: np.ndarray) -> np.ndarray:
        """Compares one vector with all, (used,) float32."""
        cosines = np.empty(self._used, np.float32)
        for start, block in zip(range(0, self._used, _BLOCK), self._blocks, strict=False):
            part = cosines[start : start + _BLOCK]
            np.dot(vector, block[:, : len(part)], out=part)
        return cosines

    def _put(self, at: int, vector: np.ndarray) -> None:
        self._blocks[at // _BLOCK][:, at % _BLOCK] = vector

    def _append(self, owners: np.ndarray, vectors: np.ndarray) -> None:
        needed = self._used + len(vectors)
        while len(self._blocks) * _BLOCK < needed:
            self._blocks.append(np.zeros((self.dimension, _BLOCK), np.float32))
        if needed > len(self._owners):
            room = np.zeros(max(needed, 2 * len(self._owners)) - self._used, np.int64)
            self._owners = np.concatenate((self._owners[: self._used], room))
        for at, owner in enumerate(owners.tolist(), self._used):
            self._places.setdefault(owner, []).append(at)
        self._owners[self._used : needed] = owners
        while self._used < needed:
            inside = self._used % _BLOCK
            part = vectors[len(vectors) - (needed - self._used) :][: _BLOCK - inside]
            self._blocks[self._used // _BLOCK][:, inside : inside + len(part)] = part.T
            self._used += len(part)
