"""`Compute`: where a piece of work runs, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Compute"]

Job = TypeVar("Job")
Result = TypeVar("Result")


def _silent(phase: str, done: int, total: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Compute:
    """What every stage of a run needs and none decides.

    Attributes:
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        workers: Processes or threads that decode and augment; None for as many as suit.
        seed: Of everything drawn.
        progress: Called with what is being done, how many are done, and of how many.
    """

    device: str = "cpu"
    workers: int | None = None
    seed: int = 0
    progress: Callable[[str, int, int], None] = _silent

    def map(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Yields what a function gives for each job, in order.

        A plain loop. Jobs must not depend on each other: this is the one place that may come to
        run them elsewhere.
        """
        for job in jobs:
            yield function(job)
