"""`join_spellings`: values of a column that differ in nothing but how they are written."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

import numpy as np

from headstart.data.tables.numbers import parse_numbers
from headstart.lists import some_of

__all__ = ["join_spellings"]

_YES = frozenset({"yes", "y", "true", "t", "1", "on"})
_NO = frozenset({"no", "n", "false", "f", "0", "off"})
_SHOWN = 3


def join_spellings(cells: np.ndarray) -> tuple[np.ndarray, str]:
    """Puts values that differ in case, spaces, width or accents' encoding under the commonest one.

    So are numbers that are written in several ways (1, 1.0), and the words for yes and no where a
    column holds several of them (yes, TRUE, 1) and nothing else.

    Args:
        cells: (N,) str; ``""`` where unknown.

    Returns:
        (N,) str, and what was joined, for people; empty where nothing was.
    """
    kinds, places, counts = np.unique(cells, return_inverse=True, return_counts=True)
    known = [place for place, kind in enumerate(kinds) if kind.strip()]
    keys = _keys([str(kinds[place]) for place in known])
    same = defaultdict(list)
    for place, key in zip(known, keys, strict=True):
        same[key].append(place)
    result, said = kinds.astype(object), []
    for key, of in same.items():
        figures = [key in ("yes", "no") and str(kinds[place]).strip().isdigit() for place in of]
        order = sorted(range(len(of)), key=lambda at: (figures[at], -int(counts[of[at]])))
        first, *rest = (of[at] for at in order)
        if rest:
            result[of] = kinds[first]
            others = [str(kinds[place]) for place in rest]
            said.append(f"{kinds[first]} also written {some_of(others, _SHOWN)}")
    if not said:
        return cells, ""
    more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return result[places.reshape(-1)].astype(str), "; ".join(said[:_SHOWN]) + more


def _keys(values: list[str]) -> list[str]:
    """Returns what values are told apart by."""
    plain = [" ".join(unicodedata.normalize("NFKC", each).casefold().split()) for each in values]
    distinct = set(plain)
    if len(distinct) > 2 and distinct <= _YES | _NO:
        return ["yes" if each in _YES else "no" for each in plain]
    try:
        numbers = parse_numbers(tuple(plain))
    except ValueError:
        return plain
    return [f"{number!r}" for number in numbers.tolist()]
