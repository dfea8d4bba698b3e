"""`Head`: a classifier on frozen vectors as plain arrays, so a model needs no pickle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from headstart.metrics.vectors import unit_rows

__all__ = [
    "PROTOTYPE_TEMPERATURE",
    "VOTE_SMOOTHING",
    "VOTE_TEMPERATURE",
    "Head",
    "HeadKind",
    "nearest",
    "neighbour_scores",
    "softmax",
]

HeadKind = Literal["linear", "neighbours", "prototypes"]
VOTE_TEMPERATURE = 0.07
"""A neighbour's vote is exp(cosine / this), as in DINO (Caron et al., 2021)."""

VOTE_SMOOTHING = 0.01
"""Votes every class has from the start, so that the share of none is zero."""

PROTOTYPE_TEMPERATURE = 0.1
"""A prototype's score is cosine / this; calibration rescales it anyway."""


@dataclass(frozen=True)
class Head:
    """A classifier of C classes on D-dimensional vectors.

    Attributes:
        kind: ``"linear"``: scores are `vectors @ weights.T + bias`; ``"neighbours"``: votes of
            the `k` nearest training vectors by cosine; ``"prototypes"``: cosine to class means.
        columns: (D,) int, which columns of a backbone's vectors it reads.
        arrays: ``linear``: weights (C, D), bias (C,). ``neighbours``: mean (D,), scale (D,),
            memory (M, D), labels (M,). ``prototypes``: mean, scale, prototypes (C, D). The last
            two may have a projection (E, D), applied first; D is then E in all else.
        n_classes: C.
        k: Neighbours that vote.
    """

    kind: HeadKind
    columns: np.ndarray
    arrays: dict[str, np.ndarray]
    n_classes: int
    k: int = 0

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """Returns (N, C) float32 scores; softmax of scores / temperature are probabilities.

        Args:
            vectors: (N, D_all) float32 of a backbone.
        """
        x = vectors[:, self.columns]
        arrays = self.arrays
        if self.kind == "linear":
            return x @ arrays["weights"].T + arrays["bias"]
        if "projection" in arrays:
            x = x @ arrays["projection"].T
        unit = unit_rows((x - arrays["mean"]) * arrays["scale"])
        if self.kind == "prototypes":
            return unit @ arrays["prototypes"].T / np.float32(PROTOTYPE_TEMPERATURE)
        found, cosines = nearest(unit @ arrays["memory"].T, k=self.k)
        return neighbour_scores(arrays["labels"][found], cosines, n_classes=self.n_classes)

    def meta(self) -> dict[str, Any]:
        """Returns what JSON keeps; the arrays go beside it."""
        return {"kind": self.kind, "n_classes": self.n_classes, "k": self.k}


def nearest(similarity: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Finds the k most similar of M memories.

    Args:
        similarity: (N, M) cosines.
        k: How many; fewer where M is smaller.

    Returns:
        (N, k) int indices, most similar first, and their (N, k) cosines.
    """
    k = min(k, similarity.shape[1])
    found = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
    cosines = np.take_along_axis(similarity, found, axis=1)
    order = np.argsort(-cosines, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(cosines, order, axis=1)


def neighbour_scores(labels: np.ndarray, cosines: np.ndarray, *, n_classes: int) -> np.ndarray:
    """Log vote shares of neighbours.

    Args:
        labels: (N, k) int classes of the neighbours, most similar first.
        cosines: (N, k) their cosines.
        n_classes: C.

    Returns:
        (N, C) float32: log of the share of votes, smoothed so that none is minus infinity.
    """
    votes = np.exp((cosines - cosines[:, :1]) / np.float32(VOTE_TEMPERATURE))
    place = np.arange(len(labels))[:, None] * n_classes + labels
    shares = np.bincount(place.ravel(), votes.ravel(), minlength=len(labels) * n_classes)
    shares = shares.reshape(-1, n_classes).astype(np.float32)
    total = shares.sum(axis=1, keepdims=True)
    smoothing, all_smoothing = np.float32(VOTE_SMOOTHING), np.float32(VOTE_SMOOTHING * n_classes)
    return np.log((shares + smoothing) / (total + all_smoothing))


def softmax(scores: np.ndarray) -> np.ndarray:
    """Returns (N, C) probabilities of (N, C) scores."""
    exp = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)
