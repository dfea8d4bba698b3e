"""`TorchvisionHead`: one of torchvision's detectors over a network of ours, as it is kept.

No torch here, but for the shapes of its weights: torchvision says those itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, get_args

from headstart.choices import BoxDetector
from headstart.nets.map_head import MapHead, MapPlan, is_whole

__all__ = ["PROPOSALS", "TorchvisionHead", "TorchvisionPlan"]

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

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the name and shape of every weight of a plan's head."""
        return dict(_shapes(self))

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


@dataclass(frozen=True)
class TorchvisionHead(MapHead):
    """One of torchvision's detectors of C classes as it is kept."""

    plan: TorchvisionPlan
    answers: ClassVar[str] = "boxes"
    made_of: ClassVar[type[MapPlan]] = TorchvisionPlan
    kept_as: ClassVar[str] = "torchvision"

    def outputs_at(self, size: int) -> dict[str, tuple[int, ...]]:
        """As `MapHead.outputs_at`; the size is that of its plan."""
        plan = self.plan
        rows = plan.anchors * sum(side * side for side in plan.sides)
        if plan.kind == "fasterrcnn":  # every class has a box of its own in a region
            rows = PROPOSALS * plan.n_classes
        return {"scores": (rows, plan.n_classes), "boxes": (rows, 4)}


@lru_cache(maxsize=8)
def _shapes(plan: TorchvisionPlan) -> tuple[tuple[str, tuple[int, ...]], ...]:
    import torch

    from headstart.nets.torchvision_net import torchvision_net

    with torch.device("meta"):
        kept = torchvision_net(plan).state_dict()
    return tuple((name, tuple(each.shape)) for name, each in kept.items())
