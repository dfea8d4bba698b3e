"""The console that all tables go through: names cannot command the terminal, nothing is markup."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headstart.console.terminal import printable

__all__ = ["Screen", "cell", "open_screen", "seen"]

_ENDLESS = 10_000


def cell(text: str, style: str = "") -> Text:
    """Returns a name as the text of a cell; Rich alone would drop some characters unseen.

    Args:
        text: A name, or a sentence with names.
        style: As Rich has it.
    """
    return Text(printable(text), style=style)


def seen(text: Text) -> Text:
    """Returns a text as one line that does nothing to a terminal."""
    plain = printable(text.plain)
    return text if plain == text.plain else Text(plain, style=text.style)


class Screen(Console):
    """A Rich console at the edge of this package."""

    def print(self, *objects: Any, **how: Any) -> None:
        """Prints as Rich does, names by their escapes.

        Args:
            objects: Lines, texts and tables.
            how: As Rich has it.
        """
        super().print(*(_clean(each) for each in objects), **how)

    def on_broken_pipe(self) -> None:
        """Leaves it to whoever is around standard output; nobody misses bars."""
        self.quiet = True
        if not self.stderr:
            raise BrokenPipeError


def _clean(each: Any) -> Any:
    if isinstance(each, str):
        return printable(each)
    if isinstance(each, Text):
        return seen(each)
    if isinstance(each, Table):
        for column in each.columns:
            column.header = _clean(column.header)
            column._cells[:] = [_clean(cell) for cell in column._cells]
    return each


def open_screen(*, stderr: bool = False) -> Screen:
    """Returns a console on standard output or standard error.

    A pipe has no width: lines are then as long as they are, and nothing is cut.

    Args:
        stderr: Of progress.
    """
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _ENDLESS
    return Screen(highlight=False, emoji=False, markup=False, stderr=stderr, width=width)
