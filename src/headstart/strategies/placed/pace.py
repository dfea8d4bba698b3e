"""`Pace`: how many steps of a training there is time for, before it begins and under way."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Pace", "seconds_of"]

# Of the gaps between steps the longest are left out: something else had the processor.
_COUNTED = 0.95


@dataclass(frozen=True)
class Pace:
    """What a training costs, and until when it may go on.

    Attributes:
        per_epoch: Steps of an epoch.
        least: Steps, however little time there is.
        most: Steps, where there is time.
        by: When all of it has to be over, as `time.perf_counter` tells it.
        onward: Steps with all images that follow, in shares of its own.
        views: Of each image that are made once, one in each of the first epochs.
        setup: Seconds that one of them takes.
        there: Of them are made already.
    """

    per_epoch: int
    least: int
    most: int
    by: float
    onward: float = 0.0
    views: int = 0
    setup: float = 0.0
    there: int = 1

    def needs(self, steps: int, each: float, done: int = 0) -> float:
        """Returns the seconds that a training of so many steps still takes.

        Args:
            steps: Of the whole.
            each: Seconds of one.
            done: That are over.
        """
        missing = self._seen(steps) - self._seen(done)
        return (steps - done + math.ceil(self.onward * steps)) * each + missing * self.setup

    def fitting(self, left: float, each: float, done: int = 0) -> int:
        """Returns how many steps may be taken in all, so that they fit into some seconds.

        Args:
            left: Seconds from now on.
            each: Seconds of a step.
            done: That are over: they stay so.
        """
        low, high = done, self.most
        while low < high:  # more steps never take less time
            middle = (low + high + 1) // 2
            if self.needs(middle, each, done) <= left:
                low = middle
            else:
                high = middle - 1
        return low

    def _seen(self, steps: int) -> int:
        """Returns how many views there are after so many steps."""
        return max(self.there, min(self.views, math.ceil(steps / self.per_epoch)))


def seconds_of(marks: list[float]) -> float:
    """Returns the mean seconds between marks, without the longest gaps; 0 of less than two marks.

    Args:
        marks: When each step was over.
    """
    gaps = np.sort(np.diff(marks))
    return float(gaps[: math.ceil(_COUNTED * len(gaps))].mean()) if len(gaps) else 0.0
