"""`View` and `Look`: from where an image is seen, and how it becomes a square."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.choices import Geometry

__all__ = ["Look", "View", "views_of"]


@dataclass(frozen=True)
class Look:
    """One way in which an image becomes a square, beside others.

    Attributes:
        geometry: As in `Preprocess`.
        crop_pct: Share of the short side that a crop keeps.
    """

    geometry: Geometry = "square"
    crop_pct: float = 0.875


@dataclass(frozen=True)
class View:
    """One way to look at an image; the vectors of several are averaged.

    Attributes:
        position: Where along the longer side a crop is taken, 0 to 1; 0.5 is the centre.
        flip: Whether it is mirrored left to right.
    """

    position: float = 0.5
    flip: bool = False


def views_of(count: int) -> tuple[View, ...]:
    """Returns the views behind `--tta`.

    Args:
        count: 1 plain; 2 plain and mirrored; 3 crops along the longer side; 6 those and mirrored.

    Raises:
        ValueError: For any other count.
    """
    positions = {1: (0.5,), 2: (0.5,), 3: (0.0, 0.5, 1.0), 6: (0.0, 0.5, 1.0)}
    if count not in positions:
        raise ValueError(f"tta must be 1, 2, 3 or 6, got {count}")
    flips = (False,) if count in (1, 3) else (False, True)
    return tuple(View(position, flip) for flip in flips for position in positions[count])
