"""`PixelHead`: a head that answers every pixel, ours or another package's, and its plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from headstart.nets.heads.map_head import MapHead, MapPlan

__all__ = ["PixelHead", "PixelPlan"]


@dataclass(frozen=True)
class PixelPlan(MapPlan):
    """What a head that answers every pixel is made of: as `MapPlan` says."""

    @property
    def stride(self) -> int:
        """Pixels of the input between neighbouring scores."""
        return self.strides[self.stages[0]]


@dataclass(frozen=True)
class PixelHead(MapHead):
    """A head of C classes as it is kept, that gives each of them a probability in every cell."""

    plan: PixelPlan
    answers: ClassVar[str] = "masks"
    views: ClassVar[tuple[int, ...]] = (1, 2, 8)  # of the whole image: the mean is one map
    of_pixels: ClassVar[bool] = True

    def outputs_at(self, size: int) -> dict[str, tuple[int, ...]]:
        """As `MapHead.outputs_at`: ``"probabilities"``, (C, h, w)."""
        cells = max(1, round(size / self.plan.stride))
        return {"probabilities": (self.n_classes, cells, cells)}
