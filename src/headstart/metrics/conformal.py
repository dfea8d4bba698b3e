"""Prediction sets that hold the true class nine times in ten, by split-conformal calibration.

A class is in the set where it is no less probable than the true class is for nine in ten of
held-out images (least ambiguous sets: Sadinle, Lei and Wasserman, JASA 2019), counted class by
class where a class has enough of them (Vovk, 2012).
"""

from __future__ import annotations

import numpy as np

__all__ = ["SET_LEVEL", "possible_classes", "set_floors"]

SET_LEVEL = 0.9
"""How often a set holds the true class."""

_ENOUGH = 40


def set_floors(
    probabilities: np.ndarray, targets: np.ndarray, *, level: float = SET_LEVEL
) -> tuple[np.ndarray, np.ndarray]:
    """Calibrates sets on held-out images.

    Args:
        probabilities: (N, C) of images that whatever answered had not learnt from.
        targets: (N,) int true classes.
        level: How often a set shall hold the true class.

    Returns:
        (C,) probability from which each class is in the set, and (C,) bool: of which classes that
        is counted by their own images; the others share theirs, or where these are few, all.
    """
    n_classes = probabilities.shape[1]
    true = probabilities[np.arange(len(targets)), targets]
    counts = np.bincount(targets, minlength=n_classes)
    own = counts >= _ENOUGH
    few = ~own[targets]
    shared = _floor(true[few] if few.sum() >= _ENOUGH else true, level)
    floors = np.full(n_classes, shared)
    for each in np.flatnonzero(own):
        floors[each] = _floor(true[targets == each], level)
    return floors, own


def possible_classes(probabilities: np.ndarray, floors: np.ndarray) -> np.ndarray:
    """Returns the (N, C) bool sets of (N, C) probabilities; none of rows with NaN."""
    found: np.ndarray = probabilities >= floors.astype(probabilities.dtype)
    return found


def _floor(true: np.ndarray, level: float) -> float:
    """Returns the probability that the true class has at least, so often."""
    rank = int(np.ceil((len(true) + 1) * level))
    if rank > len(true):
        return 0.0
    return float(np.sort(true)[::-1][rank - 1])
