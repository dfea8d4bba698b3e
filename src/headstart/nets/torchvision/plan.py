"""`TorchvisionPlan`: what one of torchvision's detectors over a network of ours is made of.

No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from headstart.choices import BoxDetector
from headstart.nets.heads.map_head import MapPlan, is_whole

__all__ = ["PROPOSALS", "TorchvisionPlan"]

PROPOSALS = 300
"""Regions of an image that the second stage of a Faster R-CNN looks at (Ren et al., 2015)."""

_MOST_PIXELS = 8192
# Of each kind: stride of the first level, levels made beyond the network's own, boxes of a cell.
_FIRST = {"fasterrcnn": 4, "retinanet": 8, "fcos": 8, "ssd": 16, "ssdlite": 16}
_MORE = {"fasterrcnn": 1, "retinanet": 2, "fcos": 2, "ssd": 4, "ssdlite": 4}
_BOXES = {"fasterrcnn": 3, "retinanet": 9, "fcos": 1, "ssd": 6, "ssdlite": 6}
_LAST = 32


@dataclass(frozen=True)
class TorchvisionPlan(MapPlan):
    """What one of torchvision's detectors is made of, beside what `MapPlan` says.

    Attributes:
        kind: Which of them.
        width: Channels of its feature pyramid; SSD has none.
        size: Side of the input in pixels, which its boxes to begin from are made for.
        least: Side of the smallest box that a Faster R-CNN begins from. Torchvision has 32, for
            images more than twice as large.
    """

    kind: BoxDetector
    width: int = 256
    size: int = 0
    least: int = 16

    @classmethod
    def over(
        cls,
        kind: BoxDetector,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        n_classes: int,
        size: int,
    ) -> TorchvisionPlan:
        """Returns the plan of a detector over a network, which reads the stages it is meant for.

        Args:
            kind: Which.
            channels: Of each stage of the network.
            strides: Of each.
            n_classes: C.
            size: Side of the input in pixels.
        """
        read = tuple(at for at, each in enumerate(strides) if _FIRST[kind] <= each <= _LAST)
        stages = read or (len(strides) - 1,)
        return cls(kind, channels, strides, stages, n_classes, size=size)

    @property
    def sides(self) -> tuple[int, ...]:
        """Cells along a side of each level: of stages that are read, then halves of the last."""
        found = [-(-self.size // self.strides[each]) for each in self.stages]
        for _ in range(_MORE[self.kind]):
            found.append(-(-found[-1] // 2))
        return tuple(found)

    @property
    def anchors(self) -> int:
        """Boxes to begin from on each cell."""
        return _BOXES[self.kind]

    def fault(self) -> str | None:
        """Says why it describes no head; None where it does."""
        if self.kind not in get_args(BoxDetector):
            return f"torchvision has no detector called {self.kind!r} here"
        if fault := super().fault():
            return fault
        if not is_whole(self.size) or not 32 <= self.size <= _MOST_PIXELS:
            return f"its size must be a whole number from 32 to {_MOST_PIXELS}, got {self.size!r}"
        if not is_whole(self.width) or not 8 <= self.width <= 1024:
            return f"its width must be a whole number from 8 to 1024, got {self.width!r}"
        if not is_whole(self.least) or not 1 <= self.least <= self.size:
            return f"its least must be a whole number from 1 to {self.size}, got {self.least!r}"
        return None
