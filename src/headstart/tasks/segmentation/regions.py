"""Connected regions of a mask, and masks as runs: what tables and programs ask of labels.

Without OpenCV, which a deployed model does without.
"""

from __future__ import annotations

import numpy as np

__all__ = ["count_regions", "encode_runs"]

_STRIP = 2_000_000  # pixels looked at at once


def count_regions(labels: np.ndarray, classes: int) -> np.ndarray:
    """Returns (C,) int64: how many connected regions each class has; touching at a corner counts.

    Args:
        labels: (H, W) uint8 classes; values from C on are none.
        classes: C.
    """
    height, width = labels.shape
    if not labels.size:
        return np.zeros(classes, np.int64)
    kinds: list[np.ndarray] = []
    pairs: list[np.ndarray] = []
    count, step = 0, max(1, _STRIP // width)
    before: tuple[np.ndarray, np.ndarray] | None = None
    for top in range(0, height, step):
        strip = labels[top : top + step]
        # Runs of one class in a row, numbered from the top left on.
        starts = np.ones(strip.shape, bool)
        np.not_equal(strip[:, 1:], strip[:, :-1], out=starts[:, 1:])
        runs = (np.cumsum(starts.ravel(), dtype=np.int32) - 1).reshape(strip.shape) + count
        kinds.append(strip[starts])
        count += len(kinds[-1])
        if before is not None:
            strip = np.concatenate((before[0], strip))
            runs = np.concatenate((before[1], runs))
        pairs.append(_touching(strip, runs))
        before = strip[-1:], runs[-1:]
    kind, roots = np.concatenate(kinds), _united(np.concatenate(pairs, axis=1), count)
    first = roots == np.arange(count)
    return np.bincount(kind[first], minlength=256)[:classes].astype(np.int64)


def _touching(labels: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Returns (2, P) runs of neighbouring rows that are of one class and touch."""
    found = []
    for up, low in (
        (slice(None), slice(None)),
        (slice(None, -1), slice(1, None)),
        (slice(1, None), slice(None, -1)),
    ):
        one, other = runs[:-1, up], runs[1:, low]
        same = labels[:-1, up] == labels[1:, low]
        # The same two runs touch along many pixels; only where either begins anew is new.
        same[:, 1:] &= (one[:, 1:] != one[:, :-1]) | (other[:, 1:] != other[:, :-1])
        found.append(np.stack((one[same], other[same])))
    return np.concatenate(found, axis=1)


def _united(pairs: np.ndarray, count: int) -> np.ndarray:
    """Returns (n,) the smallest run that each run is connected with.

    Args:
        pairs: (2, P) int runs that touch.
        count: n.
    """
    roots = np.arange(count)
    one, other = pairs
    while len(one):
        a, b = roots[one], roots[other]
        apart = a != b
        one, other, a, b = one[apart], other[apart], a[apart], b[apart]
        np.minimum.at(roots, np.maximum(a, b), np.minimum(a, b))
        while True:
            further = roots[roots]
            if (further == roots).all():
                break
            roots = further
    return roots


def encode_runs(mask: np.ndarray) -> str:
    """Returns a mask as COCO's compressed run lengths, which `pycocotools.mask.decode` reads.

    Args:
        mask: (H, W) bool. Its size and the text together are ``{"size": [H, W], "counts": text}``.
    """
    flat = np.concatenate(([False], mask.ravel(order="F")))
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    counts = np.diff(np.concatenate(([0], edges, [mask.size])))
    # From the third on, what is kept is the difference to the count before the last.
    values = counts.copy()
    values[3:] -= counts[1:-2]
    text = []
    for value in values.tolist():
        while True:
            five = value & 0x1F
            value >>= 5
            more = value != (-1 if five & 0x10 else 0)
            text.append(chr((five | 0x20 if more else five) + 48))
            if not more:
                break
    return "".join(text)
