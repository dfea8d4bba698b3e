"""How findings name things: counts, the first few names, images that belong together."""

from __future__ import annotations

from collections.abc import Iterable

from headstart.data.dataset import Dataset

__all__ = ["ALIKE", "SHOWN", "first", "joined"]

ALIKE = "at this size different things can look alike too"
"""What is said of small images, where looks prove little."""

SHOWN = 24
"""Names that a finding lists, at most."""


def first(items: Iterable[str]) -> tuple[str, ...]:
    """Returns the first few of some names."""
    return tuple(item for item, _ in zip(items, range(SHOWN)))


def joined(dataset: Dataset, group: Iterable[int]) -> str:
    """Returns the names of images that belong together, as one line of evidence."""
    names = [dataset.names[i] for i in group]
    more = f" = … ({len(names)} in all)" if len(names) > 6 else ""
    return " = ".join(names[:6]) + more
