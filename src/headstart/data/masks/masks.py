"""`Masks`: a class for every pixel. The pixels stay on disk; what they hold is counted once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

__all__ = ["IGNORED", "MaskSource", "Masks", "scale_nearest"]

IGNORED = 255
"""The index of pixels of which nobody says what they are: neither learnt from nor measured."""

_NEAR = 0.2  # of the area of a class may be another's on near duplicates
_SAME = 0.02  # of the pixels may differ on copies: whoever draws twice draws differently


class MaskSource(Protocol):
    """Whatever knows the classes of the pixels of one image."""

    def read(self) -> np.ndarray:
        """Returns (H, W) uint8 class indices, 255 where nobody says.

        Raises:
            DataError: If the file is gone or damaged by now.
        """


@dataclass(frozen=True)
class Masks:
    """One mask for each item.

    Attributes:
        names: C class names, in the order of the indices.
        sources: N masks; None of what was not annotated. An empty mask is annotated.
        pixels: (N, C) int64 pixels of each class; zeros where not known.
        sizes: (N, 2) int64 width and height of the masks; zeros where not known.
        palette: (C, 3) uint8 RGB that each class is drawn with.
        strays: (N,) int64 pixels whose value was that of no class, and became the nearest one's.
        flaws: N texts, each what is wrong with the file of a mask (saved as JPEG, for one), or "".
    """

    names: tuple[str, ...]
    sources: tuple[MaskSource | None, ...]
    pixels: np.ndarray
    sizes: np.ndarray
    palette: np.ndarray
    strays: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    flaws: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n, c = len(self.sources), len(self.names)
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        if not len(self.strays):
            object.__setattr__(self, "strays", np.zeros(n, np.int64))
        if not self.flaws:
            object.__setattr__(self, "flaws", ("",) * n)
        shapes = (("pixels", (n, c)), ("sizes", (n, 2)), ("palette", (c, 3)), ("strays", (n,)))
        for name, shape in shapes:
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must be {shape}, got {getattr(self, name).shape}")

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, indices: np.ndarray) -> Masks:
        """Returns the masks of some items, by (M,) int indices or (N,) bool mask."""
        rows = np.flatnonzero(indices) if indices.dtype == bool else indices
        return dataclasses.replace(
            self,
            sources=tuple(self.sources[i] for i in rows),
            pixels=self.pixels[rows],
            sizes=self.sizes[rows],
            strays=self.strays[rows],
            flaws=tuple(self.flaws[i] for i in rows),
        )

    @property
    def known(self) -> np.ndarray:
        """(N,) bool: which items were annotated."""
        return np.array([source is not None for source in self.sources], bool)

    @property
    def shares(self) -> np.ndarray:
        """(N, C) float64: the share of each class of the pixels that are known."""
        total = self.pixels.sum(axis=1, keepdims=True)
        return np.asarray(self.pixels / np.maximum(total, 1))

    @property
    def present(self) -> np.ndarray:
        """(N, C) bool: which classes are on which items."""
        return np.asarray(self.pixels > 0)

    @property
    def strata(self) -> np.ndarray:
        """(N,) int64: the class present that the fewest items have; -1 where not known.

        A mask that is ignored entirely counts as the most frequent class.
        """
        present = self.pixels > 0
        counts = present.sum(axis=0)
        # Of equally rare ones, the one of fewer pixels.
        order = np.lexsort((self.pixels.sum(axis=0), counts))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        ranks = np.where(present, rank, len(order) - 1).min(axis=1, initial=len(order) - 1)
        strata = order[ranks] if len(order) else np.full(len(self), -1)
        return np.where(self.known, strata, -1).astype(np.int64)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The class names."""
        return self.names

    def conflict(self, first: int, second: int, *, near: bool = False) -> bool:
        """Whether two masks differ, on copies by a fiftieth, on near duplicates by a fifth."""
        one, other = self.sources[first], self.sources[second]
        if one is None or other is None:
            return False
        if near:
            return bool(np.abs(self.shares[first] - self.shares[second]).max(initial=0) > _NEAR)
        mask = one.read()
        different = mask != scale_nearest(other.read(), (mask.shape[1], mask.shape[0]))
        return bool(different.mean() > _SAME)

    def text(self, index: int) -> str:
        """The classes present with their shares, the largest first; empty where not known."""
        if self.sources[index] is None:
            return ""
        shares = self.shares[index]
        order = [c for c in np.argsort(-shares, kind="stable") if shares[c] > 0]
        return ", ".join(f"{self.names[c]} {_percent(shares[c])}" for c in order) or "ignored"

    def read(self, index: int, size: tuple[int, int] | None = None) -> np.ndarray:
        """Returns the mask of one item, read from its file each time.

        Args:
            index: Of an item that is known.
            size: Width and height it is scaled to, by nearest neighbour; None for its own.

        Returns:
            (H, W) uint8 class indices, 255 where nobody says.

        Raises:
            DataError: If the file is gone or damaged by now.
            ValueError: If the item is not annotated.
        """
        source = self.sources[index]
        if source is None:
            raise ValueError(f"item {index} has no mask")
        mask = source.read()
        return mask if size is None else scale_nearest(mask, size)


def scale_nearest(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns a mask at another size, each pixel that of the nearest one.

    Args:
        mask: (H, W).
        size: Width and height in pixels.

    Returns:
        (height, width) of the same type.
    """
    height, width = mask.shape
    if (width, height) == tuple(size):
        return mask
    rows = ((np.arange(size[1]) + 0.5) * height / size[1]).astype(np.int64)
    columns = ((np.arange(size[0]) + 0.5) * width / size[0]).astype(np.int64)
    return mask[rows[:, None], columns[None, :]]


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}" if share >= 0.001 else "<0.1%"
