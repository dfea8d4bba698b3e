"""Whether the boundaries of two masks lie near each other: counts of one image.

Boundaries are thin, so that their pixels are looked up in a sorted list of places and no image of
distances is made: memory goes with the length of the boundary. Without SciPy and OpenCV, which a
deployed model does without.
"""

from __future__ import annotations

import numpy as np

__all__ = ["boundary_counts", "boundary_of", "boundary_tolerance"]

_SHARE = 0.0075


def boundary_tolerance(width: int, height: int) -> int:
    """Returns how many pixels a boundary may be off: 0.75 % of the diagonal, at least one.

    Csurka, Larlus and Perronnin, BMVC 2013.

    Args:
        width: Of the image, in pixels.
        height: Of the image, in pixels.
    """
    return max(1, round(_SHARE * float(np.hypot(width, height))))


def boundary_of(mask: np.ndarray, ignored: int) -> np.ndarray:
    """Returns (H, W) bool: pixels beside, above or below one of another class.

    Args:
        mask: (H, W) int classes.
        ignored: What is no class: it bounds nothing.
    """
    found = np.zeros(mask.shape, bool)
    for here, there in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
    ):
        one, other = mask[here], mask[there]
        apart = (one != other) & (one != ignored) & (other != ignored)
        found[here] |= apart
        found[there] |= apart
    return found


def boundary_counts(
    truth: np.ndarray, answer: np.ndarray, classes: int, *, ignored: int, tolerance: int
) -> np.ndarray:
    """Returns (C, 4) int64 counts of one image, as `metrics.segmentation.boundary_f1` takes them.

    Args:
        truth: (H, W) int classes.
        answer: (H, W) likewise; what the truth ignores is ignored here too.
        classes: C.
        ignored: What is no class.
        tolerance: Distance in pixels within which boundaries are the same.
    """
    width = truth.shape[1]
    answer = np.where(truth == ignored, truth.dtype.type(ignored), answer)
    places, kinds = [], []
    for mask in (answer, truth):
        flat = np.flatnonzero(boundary_of(mask, ignored))
        places.append(flat)
        kinds.append(mask.ravel()[flat])
    counts = np.zeros((classes, 4), np.int64)
    for index in range(classes):
        called, true = (where[kind == index] for where, kind in zip(places, kinds, strict=True))
        counts[index] = (
            len(called), _near(called, true, width, tolerance),
            len(true), _near(true, called, width, tolerance),
        )  # fmt: skip
    return counts


def _near(points: np.ndarray, targets: np.ndarray, width: int, tolerance: int) -> int:
    """Returns how many points have a target within a distance.

    Args:
        points: (P,) int flat places.
        targets: (T,) int flat places, sorted.
        width: Of the image.
        tolerance: In pixels, Euclidean.
    """
    if not len(points) or not len(targets):
        return 0
    left = points
    for down in sorted(range(-tolerance, tolerance + 1), key=abs):
        rows, columns = np.divmod(left, width)
        reach = int(np.sqrt(tolerance**2 - down**2))
        start = (rows + down) * width
        low = start + np.maximum(columns - reach, 0)
        high = start + np.minimum(columns + reach, width - 1)
        place = np.searchsorted(targets, low)
        hit = targets[np.minimum(place, len(targets) - 1)]
        left = left[~((hit >= low) & (hit <= high))]
        if not len(left):
            break
    return len(points) - len(left)
