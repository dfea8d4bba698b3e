"""`compare`: whether two runs really differ, by their answers to the same test images."""

from __future__ import annotations

from pathlib import Path

from headstart.results.comparison import compare_runs
from headstart.run import Run
from headstart.scoring.compare import Comparison

__all__ = ["compare"]


def compare(first: str | Path, second: str | Path, *, seed: int = 0) -> Comparison:
    """Tells by a paired test whether two runs really differ.

    The test images that both runs measured, known again by their content, are compared one by one;
    what belongs together (a group, near-duplicates) is resampled together.

    Args:
        first: The folder of one run, called A.
        second: The folder of the other, called B; differences are B minus A.
        seed: Of the intervals.

    Returns:
        A `Comparison`.

    Raises:
        ModelError: If one of them is not a run, or its predictions cannot be read.
        OptionError: If the two cannot be compared: other classes, no common test images, or
            other truths of the same images.
    """
    return compare_runs(Run.open(first), Run.open(second), (str(first), str(second)), seed=seed)
