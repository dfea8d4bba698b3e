"""Names in a sentence: the first few, and how many there are besides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["short_names", "some_of"]


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


def short_names(paths: Sequence[Path]) -> list[str]:
    """Returns the last part of each path, behind its folder where several end alike."""
    alike = Counter(path.name for path in paths)
    return [p.name if alike[p.name] == 1 else f"{p.parent.name}/{p.name}" for p in paths]
