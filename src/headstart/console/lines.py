"""Progress where there is no terminal to draw on, such as a notebook: a line for each phase."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from headstart.compute import Progress, phase_and_detail
from headstart.console.bars import progress_bar

__all__ = ["interactive", "interactive_progress", "progress_lines"]


def interactive() -> bool:
    """Whether somebody sits before this Python: a prompt, or a notebook."""
    return hasattr(sys, "ps1") or "ipykernel" in sys.modules


def interactive_progress() -> AbstractContextManager[Progress]:
    """Gives bars on a terminal, else lines."""
    return progress_bar(quiet=False) if sys.stderr.isatty() else progress_lines()


@contextmanager
def progress_lines() -> Iterator[Progress]:
    """Gives a `Progress` that prints a line when a phase begins, and each epoch."""
    told: set[str] = set()

    def advance(phase: str, done: int, total: int) -> None:
        name, detail = phase_and_detail(phase)
        counted = f"{name}: {total:,}" if total > 1 else name
        for key, text in ((name, counted), (phase, f"  {detail}")):
            if key not in told:
                told.add(key)
                sys.stdout.write(f"{text}\n")
                sys.stdout.flush()

    yield advance
