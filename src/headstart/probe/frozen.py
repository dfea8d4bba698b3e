"""`Frozen`: the vectors of one data set under one frozen network, and the sets probed of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.probe.probe import feature_sets

__all__ = ["Frozen"]


@dataclass(frozen=True)
class Frozen:
    """Frozen features.

    Attributes:
        vectors: (N, D) float32, every stage side by side.
        sets: Name of a feature set -> its columns.
    """

    vectors: np.ndarray
    sets: dict[str, np.ndarray]

    @classmethod
    def of_stages(cls, vectors: np.ndarray, slices: dict[str, slice]) -> Frozen:
        """Returns the features with the sets that are tried: each stage, the upper ones, all.

        Args:
            vectors: (N, D) float32.
            slices: Stage name -> columns, from input to output.
        """
        return cls(vectors, feature_sets(slices))

    def take(self, kept: np.ndarray) -> Frozen:
        """Returns the features of some items, by (N,) bool mask; no copy where all are kept."""
        return self if kept.all() else Frozen(self.vectors[kept], self.sets)
