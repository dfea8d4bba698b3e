"""`TorchvisionHead`: one of torchvision's detectors over a network of ours, as it is kept.

No torch here, but where its weights are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from headstart.nets.heads.map_head import MapHead, MapPlan
from headstart.nets.torchvision.plan import PROPOSALS, TorchvisionPlan

if TYPE_CHECKING:
    from headstart.nets.heads.head_net import HeadNet

__all__ = ["TorchvisionHead", "torchvision_head_of"]


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

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """As `MapHead.shapes`: torchvision says them, of layers without numbers."""
        return dict(_shapes(self.plan))


def torchvision_head_of(net: HeadNet) -> TorchvisionHead:
    """Returns a detector as it is kept.

    Args:
        net: Of `torchvision_build`.
    """
    from headstart.nets.heads.head_net import arrays_of

    assert isinstance(net.plan, TorchvisionPlan), "it is one of torchvision's detectors"
    return TorchvisionHead(net.plan, arrays_of(net))


@lru_cache(maxsize=8)
def _shapes(plan: TorchvisionPlan) -> tuple[tuple[str, tuple[int, ...]], ...]:
    from headstart.nets.heads.head_net import array_shapes
    from headstart.nets.torchvision.build import torchvision_net

    return array_shapes(lambda: torchvision_net(plan))
