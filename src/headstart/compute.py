"""`Compute`: where work runs, with how many hands, from which seed, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from headstart.choices import Device

__all__ = ["Compute", "Progress", "phase_and_detail", "renamed", "silent"]

Progress = Callable[[str, int, int], None]
"""Called with (phase, done, total) as work goes on; with 0 of 1 before a phase whose length nobody
knows. What stands behind a colon in `phase` holds just now, such as the loss of an epoch."""

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def silent(phase: str, done: int, total: int) -> None:
    """The `Progress` that shows nothing."""


def phase_and_detail(phase: str) -> tuple[str, str]:
    """Takes a phase apart: its name, and what holds just now."""
    name, _, detail = phase.partition(": ")
    return name, detail


def renamed(progress: Progress, name: Callable[[str], str]) -> Progress:
    """Returns the same `Progress` under other names; what holds just now stays.

    Args:
        progress: That hears of it.
        name: Gives the new name of a phase.
    """

    def heard(phase: str, done: int, total: int) -> None:
        before, detail = phase_and_detail(phase)
        progress(f"{name(before)}: {detail}" if detail else name(before), done, total)

    return heard


@dataclass(frozen=True)
class Compute:
    """How work is done; it decides no result but through the seed.

    Attributes:
        device: Where networks run: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        workers: Threads or processes that decode; None for one a processor.
        seed: Of everything drawn.
        progress: Called as work goes on.
    """

    device: Device = "auto"
    workers: int | None = None
    seed: int = 0
    progress: Progress = silent

    def map(self, function: Callable[[_Job], _Result], jobs: Iterable[_Job]) -> list[_Result]:
        """Returns the results of some independent jobs, in their order.

        A plain loop here; whoever has more machines puts them behind this name.
        """
        return [function(job) for job in jobs]

    def begin(self, phase: str) -> None:
        """Names a phase before it starts; nobody knows how long it takes."""
        self.progress(phase, 0, 1)

    def with_progress(self, progress: Progress) -> Compute:
        """Returns the same, heard by somebody else."""
        return replace(self, progress=progress)
