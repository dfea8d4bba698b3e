"""What kind of error each wrong detection is, and which objects were missed.

Bolya, Foley, Hays and Hoffman, "TIDE: A General Toolbox for Identifying Object Detection Errors",
ECCV 2020: the first of these that holds, in this order. `place`: overlaps an object of its class by
0.1 to 0.5. `class`: overlaps one of another class by 0.5. `double`: overlaps by 0.5 an object of
its class that a more certain detection took. `background`: overlaps nothing by 0.1. `both`: the
rest, an object of another class in another place. `missed`: objects that nothing took, and no
detection of the first two kinds is about.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.metrics.matching import FlatBoxes, Matches
from headstart.metrics.overlap import overlaps

__all__ = ["KINDS", "BoxErrors", "box_errors"]

KINDS = ("class", "place", "both", "double", "background", "missed")
_FRONT, _BACK = 0.5, 0.1


@dataclass(frozen=True)
class BoxErrors:
    """The errors of D detections, and the objects that were missed.

    Attributes:
        kinds: (D,) int index into `KINDS`; -1 for what is right, passed over or below the score.
        others: (D,) int true box that each is about; -1 for none.
        missed: (G,) bool of true boxes.
        counts: (N, 6) int of each item and kind.
    """

    kinds: np.ndarray
    others: np.ndarray
    missed: np.ndarray
    counts: np.ndarray

    @property
    def totals(self) -> dict[str, int]:
        """Kind -> how many."""
        return dict(zip(KINDS, self.counts.sum(axis=0).tolist(), strict=True))


def box_errors(found: FlatBoxes, truth: FlatBoxes, matches: Matches, threshold: float) -> BoxErrors:
    """Says of each detection with at least a score what is wrong with it.

    Args:
        found: D detections on N items.
        truth: G true boxes on the same; crowds and difficult ones are nobody's error.
        matches: Of both.
        threshold: The score.
    """
    shown = matches.scores >= threshold
    right = shown & matches.hits[0, 0]
    wrong = shown & ~matches.hits[0, 0] & ~matches.passed[0, 0]
    plain = ~(truth.flag("crowd") | truth.flag("difficult"))
    kinds = np.full(len(found.classes), -1)
    others = np.full(len(found.classes), -1)
    taken = np.zeros(len(truth.classes), bool)
    taken[matches.partners[right]] = True
    about = np.zeros(len(truth.classes), bool)
    for item in np.unique(found.items[wrong]):
        rows = np.arange(found.offsets[item], found.offsets[item + 1])
        rows = rows[wrong[rows]]
        own = np.arange(truth.offsets[item], truth.offsets[item + 1])
        own = own[plain[own]]
        shared = overlaps(found.corners[rows], truth.corners[own])
        same = found.classes[rows][:, None] == truth.classes[own][None, :]
        for row, shares, alike in zip(rows, shared, same, strict=True):
            kind, place = _kind(shares, alike, taken[own])
            kinds[row] = KINDS.index(kind)
            if place >= 0:
                others[row] = own[place]
                about[own[place]] |= kind in ("class", "place")
    missed = plain & ~taken & ~about
    counts = np.zeros((len(found), len(KINDS)), np.int64)
    bad = np.flatnonzero(kinds >= 0)
    np.add.at(counts, (found.items[bad], kinds[bad]), 1)
    counts[:, -1] = np.bincount(truth.items[missed], minlength=len(found))
    return BoxErrors(kinds, others, missed, counts)


def _kind(shares: np.ndarray, alike: np.ndarray, taken: np.ndarray) -> tuple[str, int]:
    """Returns the kind of one error, and the true box of the item that it is about, or -1."""
    if not len(shares):
        return "background", -1
    same, other = np.where(alike, shares, 0.0), np.where(alike, 0.0, shares)
    used = np.where(alike & taken, shares, 0.0)
    if _BACK <= same.max() < _FRONT:
        return "place", int(same.argmax())
    if other.max() >= _FRONT:
        return "class", int(other.argmax())
    if used.max() >= _FRONT:
        return "double", int(used.argmax())
    if shares.max() < _BACK:
        return "background", -1
    return "both", int(shares.argmax())
