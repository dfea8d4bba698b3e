"""What held-out training images say of a way to find boxes: AP, calibration, the threshold."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from headstart.metrics.detection import average_precision
from headstart.metrics.matching import FlatBoxes, Matches, match_boxes
from headstart.metrics.operating import best_threshold
from headstart.metrics.platt import fit_scores
from headstart.metrics.statistic import Statistic, difference
from headstart.records import Estimate
from headstart.strategies.boxes.material import BoxMaterial
from headstart.tasks.detection.select import calibrated
from headstart.tasks.protocol import Outputs

__all__ = ["HeldBoxes", "BoxOperating", "held_gain"]

_THRESHOLD = 0.3


@dataclass(frozen=True)
class BoxOperating:
    """How scores are told.

    Attributes:
        calibration: (a, b) of `select`; None where it could not be fitted.
        threshold: Score, after calibration, from which on a box is an answer.
    """

    calibration: tuple[float, float] | None = None
    threshold: float = _THRESHOLD


@dataclass(frozen=True)
class HeldBoxes:
    """What was found on held-out training images, by models that had not seen them.

    Attributes:
        rows: (n,) int, which of the training images.
        found: Of `select`: ``boxes`` (n, K, 4) on the input, ``scores``, ``labels``.
        how: How they were held out, such as ``"5 folds"``.
    """

    rows: np.ndarray
    found: Outputs
    how: str
    _known: dict[bytes, Matches] = field(default_factory=dict, repr=False, compare=False)

    def joined(self, other: HeldBoxes) -> HeldBoxes:
        """Returns what was found on these images and on others, in the order of the images."""
        rows = np.concatenate([self.rows, other.rows])
        order = np.argsort(rows)
        found = {
            name: np.concatenate([each, other.found[name]])[order]
            for name, each in self.found.items()
        }
        return HeldBoxes(rows[order], found, self.how)

    def matches(self, material: BoxMaterial, rows: np.ndarray | None = None) -> Matches:
        """Matches what was found with what is there.

        Args:
            material: Of all training images.
            rows: (m,) which of them, all held out; by default all that were.
        """
        wanted = self.rows if rows is None else rows
        key = np.asarray(wanted, np.int64).tobytes()
        if key not in self._known:  # threshold, choice and curve ask for the same
            self._known[key] = self._matches(material, wanted)
        return self._known[key]

    def _matches(self, material: BoxMaterial, wanted: np.ndarray) -> Matches:
        place = {int(row): at for at, row in enumerate(self.rows)}
        at = np.array([place[int(row)] for row in wanted], np.int64)
        items, places = np.nonzero(self.found["scores"][at] > 0)
        counts = np.bincount(items, minlength=len(at))
        flat = FlatBoxes(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            self.found["boxes"][at][items, places].astype(np.float64),
            self.found["labels"][at][items, places].astype(np.int64),
            self.found["scores"][at][items, places].astype(np.float64),
        )
        return match_boxes(flat, material.truth(wanted), material.n_classes)

    def operating(self, material: BoxMaterial) -> BoxOperating:
        """Returns the calibration of the scores, and the threshold with the best F1."""
        matches = self.matches(material)
        if not matches.positives[0].sum() or not len(matches.scores):
            return BoxOperating()
        counted = ~matches.passed[0, 0]
        found = fit_scores(matches.scores[counted], matches.hits[0, 0][counted])
        best = best_threshold(matches)
        return BoxOperating(found, float(calibrated(np.array([best]), found)[0]))


def held_gain(
    one: Matches, other: Matches, clusters: np.ndarray, *, seed: int
) -> tuple[Estimate | None, Statistic]:
    """Returns by how much the AP of one exceeds another's on the same images, and one's AP.

    Args:
        one: Of n images.
        other: Of the same.
        clusters: (n,) int: what belongs together is drawn together.
        seed: Of the bootstrap.

    Returns:
        None for the difference where no object is on those images.
    """
    mine, theirs = average_precision(one), average_precision(other)
    if not one.positives[0].sum():
        return None, mine
    return difference(mine, theirs, clusters, seed=seed), mine
