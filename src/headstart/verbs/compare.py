"""`compare`: whether two runs really differ, by their answers to the same test images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart.options.command import command
from headstart.options.compare import CompareOptions

if TYPE_CHECKING:
    from headstart.scoring.compare import Comparison

__all__ = ["compare"]


@command(CompareOptions)
def compare(options: CompareOptions) -> Comparison:
    """Tells by a paired test whether two runs really differ.

    The test images that both runs measured, known again by their content, are compared one by one;
    what belongs together (a group, near-duplicates) is resampled together.

    Returns:
        A `Comparison`.

    Raises:
        ModelError: If one of them is not a run, or its predictions cannot be read.
        OptionError: If the two cannot be compared: other tasks or labels, or no common test
            images.
    """
    from headstart.results.comparison import compare_runs
    from headstart.run import Run

    first, second = options.first, options.second
    names = str(first), str(second)
    return compare_runs(Run.open(first), Run.open(second), names, seed=options.seed)
