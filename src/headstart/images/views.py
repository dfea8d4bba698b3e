"""`View` and `Look`: from where an image is seen, and how it becomes a square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.choices import Geometry

__all__ = ["Look", "View", "every_view", "side_by_side", "views_of"]


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
        upset: Whether it is mirrored top to bottom.
        swapped: Whether rows and columns are exchanged, before it is mirrored.
    """

    position: float = 0.5
    flip: bool = False
    upset: bool = False
    swapped: bool = False

    def shown(self, square: np.ndarray) -> np.ndarray:
        """Returns an image's square as this view has it.

        Args:
            square: (size, size, 3).
        """
        square = square.swapaxes(0, 1) if self.swapped else square
        square = square[:, ::-1] if self.flip else square
        return square[::-1] if self.upset else square

    def back(self, maps: np.ndarray) -> np.ndarray:
        """Returns what was said of the view as it lies on the image.

        Args:
            maps: (..., h, w).
        """
        maps = maps[..., ::-1, :] if self.upset else maps
        maps = maps[..., ::-1] if self.flip else maps
        return maps.swapaxes(-1, -2) if self.swapped else maps


def views_of(count: int) -> tuple[View, ...]:
    """Returns the views behind `--tta`.

    Args:
        count: 1 plain; 2 plain and mirrored; 3 crops along the longer side; 6 those and mirrored;
            8 all quarter turns, plain and mirrored.

    Raises:
        ValueError: For any other count.
    """
    if count == 8:
        sides = (False, True)
        return tuple(
            View(flip=flip, upset=upset, swapped=swapped)
            for swapped in sides for upset in sides for flip in sides
        )  # fmt: skip
    positions = {1: (0.5,), 2: (0.5,), 3: (0.0, 0.5, 1.0), 6: (0.0, 0.5, 1.0)}
    if count not in positions:
        raise ValueError(f"tta must be 1, 2, 3, 6 or 8, got {count}")
    flips = (False,) if count in (1, 3) else (False, True)
    return tuple(View(position, flip) for flip in flips for position in positions[count])


def every_view(square: np.ndarray, count: int) -> np.ndarray:
    """Returns (V, size, size, 3) of which each is the one square, in the memory of one."""
    return np.broadcast_to(square, (count, *square.shape))


def side_by_side(images: Sequence[np.ndarray]) -> np.ndarray:
    """Returns (N, ...) of N arrays of one shape; of one it is no copy, which may be large."""
    return images[0][None] if len(images) == 1 else np.stack(images)
