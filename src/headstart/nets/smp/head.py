"""`SmpHead`: a decoder of segmentation-models-pytorch over a network of ours, as it is kept.

No torch here, but where its weights are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from headstart.nets.heads.map_head import MapPlan
from headstart.nets.masks.pixel_head import PixelHead
from headstart.nets.smp.plan import SmpPlan

if TYPE_CHECKING:
    from headstart.nets.heads.head_net import HeadNet

__all__ = ["SmpHead", "smp_head_of"]


@dataclass(frozen=True)
class SmpHead(PixelHead):
    """Such a decoder of C classes as it is kept."""

    plan: SmpPlan
    made_of: ClassVar[type[MapPlan]] = SmpPlan
    kept_as: ClassVar[str] = "smp"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """As `MapHead.shapes`: the package says them, of layers without numbers."""
        return dict(_shapes(self.plan))


def smp_head_of(net: HeadNet) -> SmpHead:
    """Returns a decoder as it is kept.

    Args:
        net: Of `smp_net`.
    """
    from headstart.nets.heads.head_net import arrays_of

    assert isinstance(net.plan, SmpPlan), "it is a decoder of segmentation-models-pytorch"
    return SmpHead(net.plan, arrays_of(net))


@lru_cache(maxsize=8)
def _shapes(plan: SmpPlan) -> tuple[tuple[str, tuple[int, ...]], ...]:
    from headstart.nets.heads.head_net import array_shapes
    from headstart.nets.smp.net import smp_net

    return array_shapes(lambda: smp_net(plan))
