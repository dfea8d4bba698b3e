"""`fit_erasure`: vectors from which no linear classifier can tell an attribute any more.

Fitted on other images that carry the attribute alone: fitted on images where attribute and class go
together, it would take the class with it.

Source: LEACE, Belrose, Schneider-Joseph, Ravfogel, Cotterell, Raff and Biderman (NeurIPS 2023); the
covariance is shrunk after Ledoit and Wolf (J. Multivariate Analysis 2004), since a pool has fewer
images than vectors have numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Erasure", "fit_erasure"]

_NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class Erasure:
    """An affine map that erases an attribute.

    Attributes:
        mean: (r,) float64, which stays where it is.
        taken: (r, r) float64: what is taken away of a centred vector.
    """

    mean: np.ndarray
    taken: np.ndarray

    def apply(self, coordinates: np.ndarray) -> np.ndarray:
        """Returns (N, r + 1) coordinates without the attribute; the last column stays."""
        result = coordinates.copy()
        x = coordinates[:, :-1]
        result[:, :-1] = x - (x - self.mean) @ self.taken.T
        return result

    def fold(self, weights: np.ndarray) -> np.ndarray:
        """Returns the (C, r + 1) linear classifier of plain coordinates that does the same.

        Args:
            weights: (C, r + 1) of a classifier of erased ones, the bias last.
        """
        flat = weights[:, :-1].astype(float)
        along = flat @ self.taken
        bias = weights[:, -1] + along @ self.mean
        return np.hstack([flat - along, bias[:, None]]).astype(np.float32)


def fit_erasure(coordinates: np.ndarray, values: np.ndarray) -> Erasure:
    """Fits an erasure on a pool.

    Args:
        coordinates: (M, r + 1) of the pool, the last column ones.
        values: (M,) int values of the attribute, two or more different ones.
    """
    x = coordinates[:, :-1].astype(float)
    mean = x.mean(axis=0)
    x = x - mean
    kinds = np.unique(values)
    onehot = (values[:, None] == kinds[:-1]).astype(float)
    onehot -= onehot.mean(axis=0)
    spread, directions = np.linalg.eigh(_shrunk(x))
    alive = spread > _NEGLIGIBLE * max(float(spread.max()), 1e-30)
    spread, directions = spread[alive], directions[:, alive]
    whiten = (directions / np.sqrt(spread)) @ directions.T
    colour = (directions * np.sqrt(spread)) @ directions.T
    told, strength, _ = np.linalg.svd(whiten @ (x.T @ onehot / len(x)), full_matrices=False)
    told = told[:, strength > _NEGLIGIBLE * max(float(strength.max(initial=0)), 1e-30)]
    return Erasure(mean, colour @ told @ told.T @ whiten)


def _shrunk(x: np.ndarray) -> np.ndarray:
    """Returns the (r, r) covariance of centred (M, r) vectors, shrunk towards a sphere."""
    count, width = x.shape
    plain = x.T @ x / count
    level = float(np.trace(plain)) / width
    squares = float((plain**2).sum())
    # The mean squared distance of single products from their mean, without holding any of them.
    noise = (float((np.einsum("ij,ij->i", x, x) ** 2).sum()) / count - squares) / count
    apart = squares - width * level**2
    share = float(np.clip(noise / apart, 0, 1)) if apart > 0 else 1.0
    return (1 - share) * plain + share * level * np.eye(width)
