"""Names in cells of CSV files, which spreadsheets would take for formulas."""

from __future__ import annotations

import re

__all__ = ["csv_cell", "csv_name"]

# What spreadsheets take for the begin of a formula (OWASP, CSV injection); apostrophes before it
# are counted too, so that the way back is one.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def csv_cell(name: str) -> str:
    """Returns a name as a cell that no spreadsheet computes: with an apostrophe before a formula.

    Numbers stay as they are. `csv_name` is the way back.
    """
    return f"'{name}" if _FORMULA.match(name) and not _is_number(name) else name


def csv_name(cell: str) -> str:
    """Returns the name that `csv_cell` made a cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _is_number(text: str) -> bool:
    try:
        return bool(float(text) == float(text))
    except ValueError:
        return False
