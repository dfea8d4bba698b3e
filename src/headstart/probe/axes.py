"""Principal axes: the one decomposition that serves every strength, fold and classifier.

In the axes of the standardised features the second-moment matrix is diagonal, so the
curvature of every L2-regularised linear classifier is nearly diagonal too and a solver
needs a dozen steps where it needed hundreds. It is a rotation: nothing is lost.

Of wide features only the leading axes are computed. Choosing between classifiers happens
in them alone; the chosen one is fitted in them and in what they leave over, which is
exact again (`rotate(..., rest=True)`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["Axes", "Coordinates", "principal_axes"]

# Directions that carry less than this share of the largest variance are rounding noise.
_NEGLIGIBLE = 1e-6
_BLOCK = 8192
_SMALL_BLOCK = 1024  # stays in the processor's cache
_LEADING = 512
# Up to this width all axes cost no more than the leading ones.
_ALL_UP_TO = 800
_OVERSAMPLE, _POWERS = 32, 1
# Columns that are nearer than this to depending on each other are made orthogonal by reflections.
_SURE = 1e-4


@dataclass(frozen=True)
class Axes:
    """Standardised features in their principal axes.

    Attributes:
        mean: (D,) float32 of the features.
        gain: (D,) float32; what a centred feature is multiplied with, 0 for constant ones.
        axes: (D, r) float32, orthonormal columns.
        variances: (r,) float32, decreasing; with `rest` times D they sum to 1.
        rest: Mean variance per feature that the axes leave over; 0 where they leave none.
    """

    mean: np.ndarray
    gain: np.ndarray
    axes: np.ndarray
    variances: np.ndarray
    rest: float

    def rotate(self, vectors: np.ndarray, *, rest: bool = False) -> np.ndarray:
        """Returns coordinates of (M, D) vectors: (M, r + 1), or (M, r + D + 1) with the rest.

        The last column is ones, which makes a classifier's bias an ordinary weight. It works
        in blocks, so that nothing but the result grows with M.

        Args:
            vectors: (M, D) float32.
            rest: Append what the axes leave over, in the original features.
        """
        width, rank = self.axes.shape
        rest = rest and self.rest > 0
        result = np.ones((len(vectors), rank + width * rest + 1), np.float32)
        for start in range(0, len(vectors), _BLOCK):
            block = slice(start, start + _BLOCK)
            centred = (vectors[block] - self.mean) * self.gain
            result[block, :rank] = centred @ self.axes
            if rest:
                result[block, rank:-1] = centred - result[block, :rank] @ self.axes.T
        return result

    def moments(self, *, rest: bool = False) -> np.ndarray:
        """Returns the variances of `rotate`'s columns but the last, float32."""
        if not (rest and self.rest > 0):
            return self.variances
        return np.append(self.variances, np.full(len(self.mean), self.rest, np.float32))

    def unrotate(self, weights: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Turns a linear classifier on coordinates into one on raw features.

        Args:
            weights: (C, r), or (C, r + D) with the rest.
            bias: (C,).

        Returns:
            (C, D) float32 and (C,) float32.
        """
        rank = self.axes.shape[1]
        raw = weights[:, :rank] @ self.axes.T
        if weights.shape[1] > rank:
            # The rest has no part along the axes, so weights there would mean nothing.
            over = weights[:, rank:]
            raw = raw + over - (over @ self.axes) @ self.axes.T
        raw = raw * self.gain
        return raw.astype(np.float32), (bias - raw @ self.mean).astype(np.float32)


@dataclass(frozen=True)
class Coordinates:
    """What `Axes.rotate(vectors[items], rest=True)` returns, as a matrix that is never held.

    The rotation is linear, so a product with the coordinates is a product with the features
    and a small rotation of its other side. Memory does not grow with the items.

    Attributes:
        axes: Of d features.
        vectors: (N, D) float32.
        columns: (d,) int, which of them.
        items: (M,) int, which rows.
    """

    axes: Axes
    vectors: np.ndarray
    columns: np.ndarray
    items: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(M, r + 1), or (M, r + d + 1) where the axes leave something over."""
        width, rank = self.axes.axes.shape
        return len(self.items), rank + width * (self.axes.rest > 0) + 1

    def __len__(self) -> int:
        return len(self.items)

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        everything = np.array_equal(self.columns, np.arange(self.vectors.shape[1]))
        for start in range(0, len(self.items), _SMALL_BLOCK):
            rows = slice(start, start + _SMALL_BLOCK)
            block = self.vectors[self.items[rows]].astype(np.float32, copy=False)
            block = block if everything else block[:, self.columns]
            block -= self.axes.mean
            block *= self.axes.gain
            yield rows, block

    def dot(self, weights: np.ndarray) -> np.ndarray:
        """Returns the (M, K) products with (K, r [+ d] + 1) weights."""
        rank = self.axes.axes.shape[1]
        over = weights[:, rank:-1]
        flat = weights[:, :rank] - over @ self.axes.axes if over.size else weights[:, :-1]
        flat = flat @ self.axes.axes.T + (over if over.size else 0)
        result = np.empty((len(self.items), len(weights)), np.float32)
        for rows, block in self._blocks():
            result[rows] = block @ flat.T + weights[:, -1]
        return result

    def dot_transposed(self, slopes: np.ndarray) -> np.ndarray:
        """Returns the (K, r [+ d] + 1) products of (M, K) slopes with the coordinates."""
        flat = np.zeros((slopes.shape[1], len(self.columns)), np.float32)
        for rows, block in self._blocks():
            flat += slopes[rows].T @ block
        lead = flat @ self.axes.axes
        parts = [lead, slopes.sum(axis=0, dtype=np.float64).astype(np.float32)[:, None]]
        if self.axes.rest > 0:
            parts.insert(1, flat - lead @ self.axes.axes.T)
        return np.concatenate(parts, axis=1)


def principal_axes(vectors: np.ndarray) -> Axes:
    """Standardises features and finds their principal axes.

    Args:
        vectors: (N, D) float32.

    Returns:
        `Axes` with r <= min(N - 1, D), or the leading 512 where both are larger than 800
        (randomised subspace iteration; Halko, Martinsson and Tropp, 2011). Features are
        scaled so that rows have a mean squared length of 1, which gives strengths the same
        meaning for every width.
    """
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = vectors - mean
    deviation = np.sqrt(np.einsum("nd,nd->d", centred, centred) / len(vectors))
    alive = deviation > 1e-6 * max(float(deviation.max()), 1e-30)
    gain = np.where(alive, 1 / np.where(alive, deviation, 1), 0) / np.sqrt(max(alive.sum(), 1))
    gain = gain.astype(np.float32)
    centred *= gain
    n, width = centred.shape
    # The smaller of the two product matrices has the same eigenvalues.
    product = (centred.T @ centred if width <= n else centred @ centred.T) / np.float32(n)
    values, directions = _leading(product) if len(product) > _ALL_UP_TO else _every(product)
    keep = values > _NEGLIGIBLE * max(float(values[0]), 1e-30)
    values, directions = values[keep], np.ascontiguousarray(directions[:, keep])
    axes = directions if width <= n else centred.T @ (directions / np.sqrt(values * n))
    left = 1 - float(values.sum()) if len(product) > _ALL_UP_TO else 0.0
    return Axes(mean, gain, axes, values.astype(np.float32), max(left, 0.0) / width)


def _every(product: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns all eigenvalues of a symmetric matrix, decreasing, and their eigenvectors."""
    values, directions = np.linalg.eigh(product)
    return values[::-1], directions[:, ::-1]


def _leading(product: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the leading eigenvalues of a symmetric matrix and their eigenvectors.

    scikit-learn has this as `randomized_svd`, at the price of importing it (about a second,
    a tenth of a whole training).
    """
    rng = np.random.default_rng(0)
    basis = rng.standard_normal((len(product), _LEADING + _OVERSAMPLE), dtype=np.float32)
    for _ in range(_POWERS + 1):
        basis = _orthonormal(product @ basis)
    values, inner = _every(basis.T @ (product @ basis))
    return values[:_LEADING], (basis @ inner)[:, :_LEADING]


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """Returns an orthonormal basis of what (n, k) float32 columns span.

    By Cholesky factors of their products, which is matrix products and a third of the time of
    Householder reflections; those only where columns nearly depend on each other. Source: Golub and
    Van Loan, "Matrix Computations".
    """
    exact = columns.astype(np.float64)
    try:
        lower = np.linalg.cholesky(exact.T @ exact)
    except np.linalg.LinAlgError:
        return np.linalg.qr(columns)[0]
    edge = np.diag(lower)
    if edge.min() < _SURE * edge.max():
        return np.linalg.qr(columns)[0]
    return np.asarray(columns @ np.linalg.inv(lower).T.astype(np.float32))
