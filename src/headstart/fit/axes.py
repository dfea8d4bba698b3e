"""Principal axes: the one decomposition that serves every strength, fold and classifier.

In the axes of the standardised features the second-moment matrix is diagonal, so the
curvature of every L2-regularised linear classifier is nearly diagonal too and a solver
needs a dozen steps where it needed hundreds. It is a rotation: nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Axes", "principal_axes"]

# Directions that carry less than this share of the largest variance are rounding noise.
_NEGLIGIBLE = 1e-6
_BLOCK = 8192


@dataclass(frozen=True)
class Axes:
    """Standardised features in their principal axes.

    Attributes:
        mean: (D,) float32 of the features.
        scale: (D,) float32; what a centred feature is multiplied with, 0 for constant ones.
        axes: (D, r) float32, orthonormal columns.
        variances: (r,) float32, decreasing; they sum to at most 1.
    """

    mean: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    variances: np.ndarray

    def rotate(self, vectors: np.ndarray) -> np.ndarray:
        """Returns the (M, r + 1) coordinates of (M, D) vectors; the last column is ones.

        The constant column makes a classifier's bias an ordinary weight. It works in blocks,
        so that nothing but the result grows with M.
        """
        result = np.ones((len(vectors), self.axes.shape[1] + 1), np.float32)
        for start in range(0, len(vectors), _BLOCK):
            block = slice(start, start + _BLOCK)
            result[block, :-1] = ((vectors[block] - self.mean) * self.scale) @ self.axes
        return result

    def unrotate(self, weights: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Turns a linear classifier on coordinates into one on raw features.

        Args:
            weights: (C, r).
            bias: (C,).

        Returns:
            (C, D) float32 and (C,) float32.
        """
        raw = (weights @ self.axes.T) * self.scale
        return raw.astype(np.float32), (bias - raw @ self.mean).astype(np.float32)


def principal_axes(vectors: np.ndarray, *, standardise: bool = True) -> Axes:
    """Standardises features and rotates them to their principal axes.

    Args:
        vectors: (N, D) float32.
        standardise: False centres only (raw pixels have one unit already).

    Returns:
        `Axes` with r <= min(N - 1, D). Rows are scaled so that their mean squared length is
        1, which gives strengths the same meaning for every width.
    """
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = vectors - mean
    deviation = np.sqrt(np.einsum("nd,nd->d", centred, centred) / len(vectors))
    alive = deviation > 1e-6 * max(float(deviation.max()), 1e-30)
    if standardise:
        scale = np.where(alive, 1 / np.where(alive, deviation, 1), 0) / np.sqrt(max(alive.sum(), 1))
    else:
        scale = alive / np.sqrt(max(float(np.sum(deviation**2)), 1e-30))
    scale = scale.astype(np.float32)
    centred *= scale
    n, width = centred.shape
    # The smaller of the two product matrices has the same eigenvalues.
    product = centred.T @ centred if width <= n else centred @ centred.T
    values, directions = np.linalg.eigh(product / n)
    values, directions = values[::-1], directions[:, ::-1]
    keep = values > _NEGLIGIBLE * max(float(values[0]), 1e-30)
    values, directions = values[keep], np.ascontiguousarray(directions[:, keep])
    if width <= n:
        axes = directions
    else:
        axes = centred.T @ (directions / np.sqrt(values * n))
    return Axes(mean, scale, axes, values.astype(np.float32))
