"""`Unlike`: how far an image is from everything that a model was trained on.

The distance is Mahalanobis' to the nearest class (Lee et al., NeurIPS 2018), of vectors of length 1
(Mueller and Hein, 2025) whose numbers were drawn together by a square root. The covariance is that
within classes, in a few principal axes and alike in all others (probabilistic principal components:
Tipping and Bishop, 1999), because a thousand images do not tell the covariance of a thousand
numbers. Or it is the plain distance, with neither root nor axes: a flower below an insect varies
along the very directions that a covariance counts for little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from headstart.metrics.vectors import unit_rows

__all__ = ["NEAREST", "Unlike", "unit_vectors"]

NEAREST = 0.2
"""Distances below this are told as this: single precision knows nothing smaller."""

_BLOCK = 2048


@dataclass(frozen=True)
class Unlike:
    """What tells the distance of a vector; 1 is as far as one in twenty of held-out images.

    Attributes:
        columns: (D,) int, which columns of a backbone's vectors it reads.
        means: (C, D) float32 of the classes.
        axes: (K, D) float32, orthonormal rows.
        gains: (K,) float32: by how much more a squared coordinate on each axis weighs than others.
        rest: What all other directions weigh, squared.
        rooted: Whether numbers are drawn together.
    """

    columns: np.ndarray
    means: np.ndarray
    axes: np.ndarray
    gains: np.ndarray
    rest: float
    rooted: bool = True

    def distances(self, vectors: np.ndarray) -> np.ndarray:
        """Returns (N,) float32 of (N, D_all) vectors of a backbone."""
        starts = range(0, max(1, len(vectors)), _BLOCK)
        parts = [self._of(vectors[start : start + _BLOCK]) for start in starts]
        return np.concatenate(parts)

    def _of(self, vectors: np.ndarray) -> np.ndarray:
        unit = unit_vectors(vectors[:, self.columns], rooted=self.rooted)
        own, of_means = unit @ self.axes.T, self.means @ self.axes.T
        norms = 1 + (self.means**2).sum(axis=1)
        apart = norms - 2 * (unit @ self.means.T)
        along = (
            (own**2 @ self.gains)[:, None]
            + of_means**2 @ self.gains
            - 2 * ((own * self.gains) @ of_means.T)
        )
        squared = (np.float32(self.rest) * apart + along).min(axis=1)
        return np.sqrt(np.maximum(squared, NEAREST**2)).astype(np.float32)

    def scaled(self, factor: float) -> Unlike:
        """Returns what tells distances so many times as large."""
        gains = (self.gains * factor**2).astype(np.float32)
        return replace(self, gains=gains, rest=self.rest * factor**2)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What a file keeps."""
        found = {
            "columns": self.columns, "means": self.means, "axes": self.axes, "gains": self.gains,
            "rest": np.array([self.rest], np.float64), "rooted": np.array([self.rooted]),
        }  # fmt: skip
        # safetensors writes memory as it lies, and axes may lie the other way round
        return {name: np.ascontiguousarray(array) for name, array in found.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Unlike:
        """Rebuilds it.

        Raises:
            KeyError: If an array is missing.
            ValueError: If one does not fit the others, or holds what is no finite number.
        """
        found = cls(
            arrays["columns"], arrays["means"], arrays["axes"], arrays["gains"],
            float(arrays["rest"].reshape(-1)[0]),
            bool(np.all(arrays.get("rooted", True))),  # earlier files know no other
        )  # fmt: skip
        width, axes = len(found.columns), len(found.axes)
        fit = (
            found.columns.ndim == 1
            and found.columns.dtype.kind in "iu"
            and found.means.shape == (len(found.means), width)
            and found.axes.shape == (axes, width)
            and found.gains.shape == (axes,)
        )
        if not fit or not width or not len(found.means) or found.columns.min() < 0:
            raise ValueError("its arrays do not fit each other")
        if not all(np.isfinite(each).all() for each in arrays.values()):
            raise ValueError("it holds what is no finite number")
        return found


def unit_vectors(rows: np.ndarray, *, rooted: bool = True) -> np.ndarray:
    """Returns (N, D) float32 vectors of length 1, by default of numbers' signed square roots."""
    drawn = np.sign(rows) * np.sqrt(np.abs(rows)) if rooted else rows
    return unit_rows(drawn.astype(np.float32))
