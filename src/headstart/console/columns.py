"""Tables of names that fit a terminal: paths are cut in front, no word is broken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = ["cut_in_front", "names_table", "words_cut"]

_GAP = 2
_NARROWEST = 20


def cut_in_front(path: str, width: int) -> str:
    """Returns the end of a path where all of it is too long, by whole folders if it can be.

    Args:
        path: Or any name.
        width: Characters at most, from 2.
    """
    from rich.cells import cell_len

    if cell_len(path) <= width:
        return path
    parts = path.split("/")
    for start in range(1, len(parts)):
        short = "…/" + "/".join(parts[start:])
        if cell_len(short) <= width:
            return short
    end = parts[-1]
    while cell_len(end) > width - 1:
        end = end[1:]
    return f"…{end}"


def words_cut(text: Text, width: int) -> Text:
    """Returns a text whose words fit a line each: those that do not are cut in front."""
    from rich.text import Text as Plain

    words = re.split(r"(\s+)", text.plain)
    short = "".join(cut_in_front(word, width) for word in words)
    return text if short == text.plain else Plain(short, style=text.style)


def names_table(
    console: Console,
    heads: Sequence[str],
    rows: Sequence[Sequence[Text]],
    *,
    right: Sequence[str] = (),
    under: str = "",
) -> Table:
    """Returns a table whose first column holds names or paths, made to fit.

    Args:
        console: Where it will be; a pipe has no width, and nothing is cut.
        heads: Of the columns.
        rows: Cells, one for each column.
        right: Heads of columns of numbers.
        under: Head of the last column, which goes below the second where there is no room.
    """
    from rich.table import Table

    rows = [list(row) for row in rows]
    if under and sum(_widths(heads, rows)) + _GAP * (len(heads) - 1) > console.width:
        heads, rows = heads[:-1], _beneath(rows)
    widths = _widths(heads, rows)
    room = console.width - sum(widths[1:]) - _GAP * (len(heads) - 1)
    table = Table(box=None, header_style="dim", pad_edge=False)
    first = min(widths[0], max(_NARROWEST, room))
    table.add_column(heads[0], no_wrap=True, min_width=first, overflow="ellipsis")
    others = max(_NARROWEST, console.width - first - _GAP * (len(heads) - 1))
    for at, head in enumerate(heads[1:], 1):
        if head in right:
            table.add_column(head, justify="right", no_wrap=True)
        else:
            words = [word for row in rows for word in row[at].plain.split()]
            longest = max((len(word) for word in words), default=1)
            table.add_column(head, min_width=min(longest, others), overflow="ellipsis")
    for row in rows:
        name = row[0].copy()
        name.plain = cut_in_front(name.plain, first)
        table.add_row(name, *row[1:])
    return table


def _widths(heads: Sequence[str], rows: Sequence[Sequence[Text]]) -> list[int]:
    return [max([len(head), *(row[at].cell_len for row in rows)]) for at, head in enumerate(heads)]


def _beneath(rows: Sequence[Sequence[Text]]) -> list[list[Text]]:
    """Puts the last cell of each row below its second."""
    from rich.text import Text

    found = []
    for row in rows:
        found.append(list(row[:-1]))
        said = f"{row[1].plain} "  # who stands above already
        for line in row[-1].plain.split(", ") if row[-1].plain else ():
            if line.startswith(said):
                continue
            empty = [Text("") for _ in row[:-1]]
            empty[1] = Text(f"  {line}", style="dim")
            found.append(empty)
    return found
