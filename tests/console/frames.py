"""What a terminal shows after all that was written to it."""

from __future__ import annotations

import re

__all__ = ["lines_of"]

_STEP = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")


def lines_of(written: str) -> list[str]:
    """Returns the lines on the screen, without those that are empty."""
    rows, at, column = [""], 0, 0
    for number, code, back, down, text in _STEP.findall(written):
        if code == "A":
            at = max(0, at - int(number or 1))
        elif code == "K":
            rows[at] = "" if number == "2" else rows[at][:column]
        elif back:
            column = 0
        elif down:
            at, column = at + 1, 0
            rows += [""] * (at + 1 - len(rows))
        elif text:
            line = rows[at].ljust(column)
            rows[at] = line[:column] + text + line[column + len(text) :]
            column += len(text)
    return [row.rstrip() for row in rows if row.strip()]
