"""`Head`: a classifier on frozen vectors as plain arrays, so a model needs no pickle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

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

# What each kind is made of.
_ARRAYS: dict[str, tuple[str, ...]] = {
    "linear": ("bias", "weights"),
    "neighbours": ("labels", "mean", "memory", "scale"),
    "prototypes": ("mean", "prototypes", "scale"),
}


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
        answers: What it answers with.
        answers_with_place: Whether that has places on the image; it then reads maps.
        views: How many views of an image can be averaged.
        of_pixels: Whether every pixel of an image is answered.
    """

    kind: HeadKind
    columns: np.ndarray
    arrays: dict[str, np.ndarray]
    n_classes: int
    k: int = 0
    answers: ClassVar[str] = "classes"
    answers_with_place: ClassVar[bool] = False
    views: ClassVar[tuple[int, ...]] = (1, 2, 3, 6)
    of_pixels: ClassVar[bool] = False

    def outputs_at(self, size: int) -> dict[str, tuple[int, ...]]:
        """Returns name -> shape of what is said of one image, whatever its size in pixels."""
        return {"probabilities": (self.n_classes,)}

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

    def fault(self) -> str | None:
        """Says why it cannot be a head that was trained here; None where nothing is wrong."""
        columns = self.columns
        if self.kind not in _ARRAYS:
            return f"there is no kind of head called {self.kind!r}"
        if not _is_count(self.n_classes):
            return f"n_classes must be a whole number above 0, got {self.n_classes!r}"
        if columns.ndim != 1 or not len(columns) or columns.dtype.kind not in "iu":
            return "its columns are no list of whole numbers"
        if columns.min() < 0:
            return f"its columns begin at {columns.min()}, below 0"
        wanted = _ARRAYS[self.kind]
        given = set(self.arrays) - ({"projection"} if self.kind != "linear" else set())
        if given != set(wanted):
            return f"it holds {', '.join(sorted(given))} where {', '.join(wanted)} belong"
        for name, array in self.arrays.items():
            if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
                return f"its {name} hold what is no finite number"
        return self._misfit()

    def _misfit(self) -> str | None:
        """Says which array has another shape than the others want, or other labels."""
        arrays, width = self.arrays, len(self.columns)
        shapes: dict[str, tuple[int, ...]] = {}
        if "projection" in arrays:
            shapes["projection"] = (len(arrays["projection"]), width)
            width = len(arrays["projection"])
        rows = len(arrays["labels"]) if "labels" in arrays else self.n_classes
        shapes |= {"weights": (self.n_classes, width), "bias": (self.n_classes,)}
        shapes |= {"mean": (width,), "scale": (width,), "prototypes": (self.n_classes, width)}
        shapes |= {"memory": (rows, width), "labels": (rows,)}
        for name, array in arrays.items():
            if array.shape != shapes[name]:
                return f"its {name} are {array.shape}, not {shapes[name]}"
        if self.kind == "neighbours":
            labels = arrays["labels"]
            if labels.dtype.kind not in "iu" or not len(labels) or not _is_count(self.k):
                return "it has no neighbours that could vote"
            if labels.min() < 0 or labels.max() >= self.n_classes:
                return f"its labels reach from {labels.min()} to {labels.max()}"
        return None

    def tensors(self) -> dict[str, np.ndarray]:
        """Returns all arrays that are kept."""
        return self.arrays | {"columns": self.columns}

    def meta(self) -> dict[str, Any]:
        """Returns what JSON keeps; the arrays go beside it."""
        return {"kind": self.kind, "n_classes": self.n_classes, "k": self.k}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


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
