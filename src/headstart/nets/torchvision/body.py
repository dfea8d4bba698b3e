"""What lies between the stages of a network and one of torchvision's detectors.

Its feature pyramid, or for SSD further maps, each half of the one before.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from headstart.nets.heads.norm import group_norm
from headstart.nets.imports import import_timm
from headstart.nets.torchvision.plan import TorchvisionPlan

__all__ = ["HalvingBody", "PyramidBody"]

_EXTRA = (512, 256, 256, 128)


class PyramidBody(nn.Module):
    """Torchvision's feature pyramid on the stages that are read.

    Args:
        plan: Of the detector.

    Attributes:
        out_channels: Of every level: what torchvision asks of a backbone.
    """

    def __init__(self, plan: TorchvisionPlan) -> None:
        import_timm()  # torchvision with it, without torch's compiler
        from torchvision.ops import FeaturePyramidNetwork
        from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

        super().__init__()
        pooled = plan.kind == "fasterrcnn"
        more = LastLevelMaxPool() if pooled else LastLevelP6P7(plan.width, plan.width)
        read = [plan.channels[each] for each in plan.stages]
        self.stages = plan.stages
        self.fpn = FeaturePyramidNetwork(read, plan.width, extra_blocks=more)
        self.out_channels = plan.width

    def forward(self, maps: list[torch.Tensor]) -> OrderedDict[str, torch.Tensor]:
        """Returns (N, width, h, w) of each level by its name.

        Args:
            maps: (N, c, h, w) of every stage of the network.
        """
        read = OrderedDict((str(at), maps[each]) for at, each in enumerate(self.stages))
        found: OrderedDict[str, torch.Tensor] = self.fpn(read)
        return found


class HalvingBody(nn.Module):
    """The stages that are read, and four maps more, as SSDlite has them.

    Args:
        plan: Of the detector.

    Attributes:
        out_channels: Of each level.
    """

    def __init__(self, plan: TorchvisionPlan) -> None:
        super().__init__()
        self.stages = plan.stages
        self.out_channels = [plan.channels[each] for each in plan.stages]
        self.extra = nn.ModuleList()
        for width in _EXTRA:
            self.extra.append(_half(self.out_channels[-1], width))
            self.out_channels.append(width)

    def forward(self, maps: list[torch.Tensor]) -> OrderedDict[str, torch.Tensor]:
        """As `PyramidBody.forward`; levels have channels of their own."""
        found = [maps[each] for each in self.stages]
        for each in self.extra:
            found.append(each(found[-1]))
        return OrderedDict((str(at), each) for at, each in enumerate(found))


def _half(inputs: int, outputs: int) -> nn.Sequential:
    """Returns what makes of a map one of half its sides: narrower, in depth, wider."""
    middle = outputs // 2
    return nn.Sequential(
        nn.Conv2d(inputs, middle, 1, bias=False), group_norm(middle), nn.ReLU6(),
        nn.Conv2d(middle, middle, 3, 2, 1, groups=middle, bias=False), group_norm(middle),
        nn.ReLU6(), nn.Conv2d(middle, outputs, 1, bias=False), group_norm(outputs), nn.ReLU6(),
    )  # fmt: skip
