"""Detections are matched with true boxes once; every measure of detection comes of that.

The rules are COCO's (cocodataset/cocoapi, `COCOeval.evaluateImg`): within an image and a class the
most certain detection takes the free true box that it overlaps most, at each of ten thresholds of
overlap. Crowds and difficult objects are taken only when no other is left, any number of times, and
then the detection counts neither for nor against. Difficult is as in Pascal VOC.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from headstart.metrics.overlap import overlaps

__all__ = ["IOUS", "RANGES", "FlatBoxes", "Matches", "match_boxes"]

IOUS = np.linspace(0.5, 0.95, 10)
"""Overlaps at which a detection counts as one of the true box."""

RANGES = {
    "all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}  # fmt: skip
"""Size of objects -> smallest and largest area in square pixels."""

_LEAST = 0.5 - 1e-9


@dataclass(frozen=True)
class FlatBoxes:
    """Any number of boxes on each of N items, M altogether.

    Attributes:
        offsets: (N + 1,) int; those of item i are `offsets[i]` to `offsets[i + 1]`.
        corners: (M, 4) left, top, right, bottom in pixels.
        classes: (M,) int.
        scores: (M,) of detections; empty for true boxes.
        crowd: (M,) bool of true boxes; empty for none.
        difficult: (M,) bool of true boxes; empty for none.
    """

    offsets: np.ndarray
    corners: np.ndarray
    classes: np.ndarray
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0))
    crowd: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    difficult: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def items(self) -> np.ndarray:
        """(M,) item of each box."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def flag(self, name: str) -> np.ndarray:
        """Returns (M,) bool ``"crowd"`` or ``"difficult"``."""
        given = getattr(self, name)
        return given if len(given) == len(self.classes) else np.zeros(len(self.classes), bool)


@dataclass(frozen=True)
class Matches:
    """What became of D detections on N items; A sizes of objects, T overlaps, C classes.

    Attributes:
        n: N.
        items: (D,) int item of each detection.
        classes: (D,) int.
        scores: (D,) float.
        ranks: (D,) int place among those of its item and class, the most certain first.
        hits: (A, T, D) bool, which took a true box.
        passed: (A, T, D) bool, which count neither for nor against.
        positives: (A, N, C) int true boxes that count.
        partners: (D,) int true box that each took at the lowest overlap, among all sizes; -1.
    """

    n: int
    items: np.ndarray
    classes: np.ndarray
    scores: np.ndarray
    ranks: np.ndarray
    hits: np.ndarray
    passed: np.ndarray
    positives: np.ndarray
    partners: np.ndarray


def match_boxes(found: FlatBoxes, truth: FlatBoxes, classes: int) -> Matches:
    """Matches detections with true boxes, item by item and class by class.

    Args:
        found: Detections on N items.
        truth: True boxes on the same.
        classes: C.
    """
    n, d = len(found), len(found.classes)
    limits = np.array(list(RANGES.values()))
    area = _areas(truth.corners)
    out = (area < limits[:, :1]) | (area > limits[:, 1:])
    passed_truth = out | (truth.flag("crowd") | truth.flag("difficult"))
    positives = np.zeros((len(limits), n, classes), np.int64)
    for at in range(len(limits)):
        np.add.at(positives[at], (truth.items, truth.classes), ~passed_truth[at])
    hits = np.zeros((len(limits), len(IOUS), d), bool)
    passed = np.zeros_like(hits)
    taken = np.full((len(limits), len(IOUS), d), -1)
    ranks = np.zeros(d, np.int64)
    order = _order(found)
    starts = np.flatnonzero(np.diff(_groups(found, classes)[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if d else []:
        ranks[rows] = np.arange(len(rows))
        item, kind = int(found.items[rows[0]]), int(found.classes[rows[0]])
        own = np.arange(truth.offsets[item], truth.offsets[item + 1])
        own = own[truth.classes[own] == kind]
        if len(own):
            _match(found, truth, rows, own, (passed_truth, taken))
    there = taken >= 0
    skipped = np.zeros_like(there)
    for at in range(len(limits)):
        skipped[at][there[at]] = passed_truth[at][taken[at][there[at]]]
    hits = there & ~skipped
    found_area = _areas(found.corners)
    beyond = (found_area < limits[:, :1]) | (found_area > limits[:, 1:])
    passed = skipped | (~there & beyond[:, None, :])
    return Matches(n, found.items, found.classes, found.scores, ranks, hits, passed, positives,
                   taken[0, 0])  # fmt: skip


def _areas(corners: np.ndarray) -> np.ndarray:
    return np.asarray((corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1]))


def _groups(found: FlatBoxes, classes: int) -> np.ndarray:
    return found.items * max(classes, 1) + found.classes


def _order(found: FlatBoxes) -> np.ndarray:
    """Returns (D,) rows by item, class and falling score; of equal scores the first is first."""
    return np.lexsort((-found.scores, found.classes, found.items))


def _match(
    found: FlatBoxes,
    truth: FlatBoxes,
    rows: np.ndarray,
    own: np.ndarray,
    state: tuple[np.ndarray, np.ndarray],
) -> None:
    """Matches the detections of one item and class, writing which true box each takes.

    Args:
        found: All detections.
        truth: All true boxes.
        rows: (K,) detections, the most certain first.
        own: (G,) true boxes.
        state: (A, M) which true boxes are passed over, and (A, T, D) the box that each takes.
    """
    passed, taken = state
    shared = overlaps(found.corners[rows], truth.corners[own], truth.flag("crowd")[own])
    again = truth.flag("crowd")[own] | truth.flag("difficult")[own]
    aside = passed[:, own]
    free = np.ones((*taken.shape[:2], len(own)), bool)
    least = np.minimum(IOUS, 1 - 1e-10)
    for row, shares in zip(rows, shared, strict=True):
        near = np.flatnonzero(shares >= _LEAST)
        if not len(near):
            continue
        if len(near) == 1:  # nearly always: the same as below, in a third of the time
            [only] = near
            may = free[:, :, only] & (shares[only] >= least)
            taken[:, :, row] = np.where(may, own[only], -1)
            if not again[only]:
                free[:, :, only] &= ~may
            continue
        near = near[::-1]  # of equal overlaps the last box is taken
        share = shares[near]
        may = free[:, :, near] & (share >= least[:, None])
        counts = may & ~aside[:, None, near]
        # What counts goes before what is passed over, whatever the overlap.
        worth = np.where(counts, share + 2, np.where(may, share, -1))
        best = worth.argmax(axis=2)
        good = np.take_along_axis(may, best[..., None], axis=2)[..., 0]
        box = near[best]
        taken[:, :, row] = np.where(good, own[box], -1)
        sizes, levels = np.nonzero(good & ~again[box])
        free[sizes, levels, box[sizes, levels]] = False
