"""What the library has to say while it works, such as how it read the data: one line each."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

from headstart.console.terminal import printable

__all__ = ["notes_shown"]


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # The stream of this moment: under a progress bar it is one that prints above the bar.
        with contextlib.suppress(AttributeError, OSError, ValueError):  # closed, or full
            sys.stderr.write(f"{printable(record.getMessage())}\n")


@contextlib.contextmanager
def notes_shown(*, quiet: bool) -> Iterator[None]:
    """Shows on standard error what the library logs; from Python only guesses are shown.

    Args:
        quiet: Show nothing.
    """
    log, lines = logging.getLogger("headstart"), _Lines()
    before = log.level, log.propagate
    log.addHandler(lines)
    log.propagate = False
    log.setLevel(logging.CRITICAL if quiet else logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(lines)
        log.setLevel(before[0])
        log.propagate = before[1]
