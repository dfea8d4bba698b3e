"""Which cells of a detector's levels are of which object: what a class layer alone is to learn.

A frozen detector already says a box at every cell. A cell is given the object that its box shows
best, and how well it does is what the score is to say (the quality of Li et al., "Generalized focal
loss", NeurIPS 2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.metrics.overlap import overlaps

__all__ = ["BACKGROUND", "UNCOUNTED", "Cells", "assign_cells"]

BACKGROUND, UNCOUNTED = -1, -2
"""Kinds of cells on which no object is, and of those that neither count for nor against."""


@dataclass(frozen=True)
class Cells:
    """What the A cells of an image are.

    Attributes:
        kinds: (A,) int64 class, `BACKGROUND` or `UNCOUNTED`.
        quality: (A,) float32 overlap of the cell's box with its object; 0 where there is none.
        away: (A, 4) float32 how far left, top, right and bottom of its object are from the cell's
            centre, in strides; 0 where there is none.
    """

    kinds: np.ndarray
    quality: np.ndarray
    away: np.ndarray

    def of(self, part: slice) -> Cells:
        """Returns some of them, such as those of a level."""
        return Cells(self.kinds[part], self.quality[part], self.away[part])


def assign_cells(
    found: np.ndarray,
    grid: np.ndarray,
    boxes: np.ndarray,
    classes: np.ndarray,
    *,
    top: int = 9,
    least: float = 0.1,
    near: float = 0.4,
) -> Cells:
    """Gives every object the cells whose boxes show it best.

    Args:
        found: (A, 4) box of each cell, left, top, right, bottom in pixels of the input.
        grid: (A, 3) centre and stride of each cell, in pixels of the input.
        boxes: (n, 4) true boxes.
        classes: (n,) int; below 0 those that are neither demanded nor forbidden.
        top: Cells of an object, at most.
        least: Overlap that a cell's box must have to be one of them.
        near: Cells beyond those whose boxes overlap an object by so much are uncounted: they look
            like the object, and would be learnt as background.
    """
    kinds = np.full(len(found), BACKGROUND, np.int64)
    quality, away = np.zeros(len(found), np.float32), np.zeros((len(found), 4), np.float32)
    if not len(boxes):
        return Cells(kinds, quality, away)
    centres, strides = grid[:, :2], grid[:, 2:]
    shared = overlaps(found.astype(np.float64), boxes.astype(np.float64))
    inside = np.asarray((centres[:, None, :] > boxes[None, :, :2]).all(axis=2))
    inside &= (centres[:, None, :] < boxes[None, :, 2:]).all(axis=2)
    aside = np.asarray(classes) < 0
    kinds[(inside[:, aside]).any(axis=1) | (shared[:, aside] >= near).any(axis=1)] = UNCOUNTED
    kinds[(shared[:, ~aside] >= near).any(axis=1)] = UNCOUNTED
    for at in np.flatnonzero(~aside).tolist():
        # Of a small object no cell may lie inside.
        worth = np.where(inside[:, at], shared[:, at], 0.0)
        if worth.max(initial=0.0) < least:
            worth = shared[:, at]
        best = np.argpartition(-worth, min(top, len(worth)) - 1)[:top]
        best = best[(worth[best] >= least) & (worth[best] > quality[best])]
        kinds[best], quality[best] = classes[at], worth[best]
        near_side, far_side = centres[best] - boxes[at, :2], boxes[at, 2:] - centres[best]
        away[best] = np.hstack([near_side, far_side]) / strides[best]
    return Cells(kinds, quality, away)
