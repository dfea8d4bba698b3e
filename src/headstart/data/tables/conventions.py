"""What a comma and a point mean in the numbers of one column: decided once for all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

__all__ = ["UNKNOWN_CELLS", "AmbiguousNumbers", "plain_numbers"]

UNKNOWN_CELLS = frozenset({"", "na", "n/a", "nan", "none", "null", "-", "?"})
"""Cells that say that a number is not known."""

_SPACES = re.compile(r"(?<=\d)['\u2019 \u00a0\u202f](?=\d{3}(?!\d))")
# 1,234 or 1,234,567: as thousands are grouped, and a number of three decimals may look as well.
_GROUPED = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}(\{mark}\d{{3}})+") for mark in ",."}
Mark = Literal[",", "."]


class AmbiguousNumbers(ValueError):
    """Numbers that can be read in two ways, or are written in two."""


def plain_numbers(texts: Sequence[str]) -> list[str]:
    """Returns texts of numbers as Python reads them.

    Thousands may be grouped by commas, points, blanks or apostrophes, and decimals may follow a
    point or a comma, as long as the whole column does it in one way.

    Args:
        texts: N texts, none empty.

    Raises:
        AmbiguousNumbers: If a mark may group thousands or begin decimals, or does both.
    """
    texts = [_SPACES.sub("", text) for text in texts]
    grouping = _grouping(texts)
    if grouping is not None:
        texts = [text.replace(grouping, "") for text in texts]
    if any("," in text for text in texts):
        dotted = next((text for text in texts if "." in text), None)
        if dotted is not None:
            comma = next(text for text in texts if "," in text)
            raise AmbiguousNumbers(f"{comma!r} and {dotted!r} are written in two ways; use one")
        texts = [text.replace(",", ".") if text.count(",") == 1 else text for text in texts]
    return texts


def _grouping(texts: Sequence[str]) -> Mark | None:
    """Returns the mark that groups thousands, None if there is none.

    Raises:
        AmbiguousNumbers: If that cannot be told.
    """
    for mark, other in ((",", "."), (".", ",")):
        having = [text for text in texts if mark in text]
        whole = [text.split(other)[0] for text in having]
        if not having or not all(_GROUPED[mark].fullmatch(text) for text in whole):
            continue  # it begins decimals, if anything
        sure = any(text.count(mark) > 1 or other in text for text in having)
        if sure:
            return mark  # type: ignore[return-value]
        rest = [text for text in texts if mark not in text]
        below = all(re.fullmatch(r"[+-]?\d{1,3}", text) for text in rest)
        gap = bool(rest) and below and _leave_a_gap(having, rest, mark)
        if mark == "," and gap:  # 2,611 beside 870: decimals would leave nothing between 3 and 870
            return ","
        if mark == "." and not gap:  # 2.611 beside 0.87: decimals, as computers write them
            continue
        raise AmbiguousNumbers(
            f"{having[0]!r} may be {having[0].replace(mark, '')} or "
            f"{having[0].replace(mark, '.')}: write them without grouping, decimals after a point"
        )
    return None


def _leave_a_gap(having: list[str], rest: list[str], mark: str) -> bool:
    """Whether all marked numbers, read as decimals, would be far below all others."""
    decimals = [abs(float(text.replace(mark, "."))) for text in having]
    others = [abs(float(text)) for text in rest]
    return len(having) > 1 and max(decimals) < min(others)
