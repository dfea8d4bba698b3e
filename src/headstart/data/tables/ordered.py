"""Cells that can be ordered: numbers, and dates in their usual spellings.

Which of the first two numbers of a date is the day is decided for a whole column, never cell by
cell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import numpy as np

from headstart.data.tables.conventions import UNKNOWN_CELLS
from headstart.data.tables.numbers import parse_numbers

__all__ = ["AmbiguousDates", "ordered_cells", "parse_dates", "places_of"]

_YEAR_FIRST = re.compile(r"(\d{4})[-/.:_]?(0\d|1[0-2])[-/.:_]?([0-3]\d)(?:\D.*|\d*)")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?:\D.*)?")
_DAY_WORD = re.compile(r"(\d{1,2})[. -]+([^\W\d_]{3,})[., -]+(\d{4})(?:\D.*)?")
_WORD_DAY = re.compile(r"([^\W\d_]{3,})[. -]+(\d{1,2})(?:st|nd|rd|th)?[, ]+(\d{4})(?:\D.*)?")
_WITH_UNIT = re.compile(r"(.*\d)\s*([^\W\d_]{1,5}\.?|%|°\s?[CF]?)")
_CLOCK = re.compile(r"\D(\d{1,2}):(\d\d)(?::(\d\d))?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class AmbiguousDates(ValueError):
    """Dates of which nobody can say whether the day or the month comes first."""


def ordered_cells(cells: Sequence[str]) -> np.ndarray | None:
    """Returns (N,) float64 places of cells that are all numbers or all dates; None of others.

    Numbers may all have one and the same unit behind them: 12 %, 70.5 kg.

    Args:
        cells: N texts, none of them empty or a word for unknown.

    Raises:
        AmbiguousDates: If they are dates of which nobody can say where the day stands.
    """
    days = parse_dates(cells)
    if days is not None:
        return days
    try:
        numbers = parse_numbers(_without_unit(cells))
    except ValueError:
        return None
    return numbers if len(numbers) and bool(np.isfinite(numbers).all()) else None


def _without_unit(cells: Sequence[str]) -> tuple[str, ...]:
    found = [_WITH_UNIT.fullmatch(each) for each in cells]
    units = {each[2] for each in found if each}
    if len(units) != 1 or not all(found):
        return tuple(cells)
    return tuple(each[1] for each in found if each)


def places_of(column: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns a column in one spelling, and the order of what is known.

    Args:
        column: (N,) str.

    Returns:
        (N,) str, ``""`` where unknown, dates as 2024-03-18 and numbers with a point; and (M,)
        float64 places of the M others, or None of names and of dates that can be read in two ways.
    """
    cells = np.char.strip(column.astype(str))
    cells = np.where(np.isin(np.char.lower(cells), sorted(UNKNOWN_CELLS)), "", cells)
    known = cells[cells != ""].tolist()
    try:
        days = parse_dates(known)
    except AmbiguousDates:
        return cells, None
    places = days if days is not None else ordered_cells(known)
    if places is None:
        return cells, None
    plain = [f"{each:g}" if days is None else str(date.fromordinal(int(each))) for each in places]
    found = np.full(len(cells), "", object)
    found[cells != ""] = plain
    return found.astype(str), places


def parse_dates(cells: Sequence[str]) -> np.ndarray | None:
    """Returns (N,) float64 days, the time of day as a fraction; None where one is no date.

    Read are 2024-03-18, 20240318, 18.03.2024, 18/03/2024, 03/18/2024, 18 Mar 2024 and
    March 18, 2024, with anything behind them. With points the day comes first.

    Args:
        cells: N texts, none of them empty.

    Raises:
        AmbiguousDates: If 03/04/2024 may be March or April in all of them.
    """
    if not cells:
        return None
    first = [m for each in cells if (m := _YEAR_FIRST.fullmatch(each))]
    if len(first) == len(cells):
        bare = all(len(m[0]) == 8 for m in first)
        return _with_clock([_day(m[1], m[2], m[3]) for m in first], cells, bare)
    last = [_YEAR_LAST.fullmatch(each) for each in cells]
    if all(last):
        return _year_last([m for m in last if m], cells)
    words = [_DAY_WORD.fullmatch(each) or _WORD_DAY.fullmatch(each) for each in cells]
    if not all(words):
        return None
    days = []
    for m in words:
        assert m is not None
        word, day = (m[2], m[1]) if m[1].isdigit() else (m[1], m[2])
        if word[:3].lower() not in _MONTHS:
            return None
        days.append(_day(m[3], str(_MONTHS.index(word[:3].lower()) + 1), day))
    return _with_clock(days, cells, False)


def _year_last(found: list[re.Match[str]], cells: Sequence[str]) -> np.ndarray | None:
    first, second = (max(int(m[place]) for m in found) for place in (1, 3))
    points = all(m[2] == "." for m in found)
    if first > 12 or points:
        days = [_day(m[4], m[3], m[1]) for m in found]
    elif second > 12:
        days = [_day(m[4], m[1], m[3]) for m in found]
    else:
        raise AmbiguousDates(
            f"holds dates such as {cells[0]}, where day or month may come first: write 2024-03-18"
        )
    return _with_clock(days, cells, False)


def _day(year: str, month: str, day: str) -> float:
    try:
        return float(date(int(year), int(month), int(day)).toordinal())
    except ValueError:
        return float("nan")


def _with_clock(days: list[float], cells: Sequence[str], bare: bool) -> np.ndarray | None:
    found = np.array(days)
    if np.isnan(found).any():
        return None
    if bare:
        return found
    for i, cell in enumerate(cells):
        if clock := _CLOCK.search(cell):
            hours, minutes, seconds = (int(each or 0) for each in clock.groups())
            found[i] += (hours * 3600 + minutes * 60 + seconds) / 86400
    return found
