"""Names in a sentence: the first few, and how many there are besides."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["some_of"]


def some_of(names: Iterable[object], most: int = 5, *, total: int | None = None) -> str:
    """Returns a list as it is read out: `a, b, c and 7 more`; one left over is named too.

    Args:
        names: All of them, or the first few.
        most: How many are named where there are more.
        total: How many there are, where `names` are the first few only.
    """
    known = [str(name) for name in names]
    count = len(known) if total is None else total
    if count <= most + 1 and count == len(known):
        return ", ".join(known)
    shown = known[:most]
    return f"{', '.join(shown)} and {count - len(shown):,} more"
