"""`DenseNet`: heads that answer every pixel, built from a description that JSON keeps."""

from __future__ import annotations

import math

import torch
from torch import nn

from headstart.nets.heads.head_net import (
    HeadNet,
    Separable,
    arrays_of,
    seeded,
    to_size,
    top_down,
    with_arrays,
)
from headstart.nets.masks.filters import Filters
from headstart.nets.masks.head import DenseHead, DensePlan
from headstart.nets.masks.pixel_head import PixelPlan

__all__ = ["DenseNet", "build_dense", "head_of", "net_of"]


class DenseNet(HeadNet):
    """A head that gives every cell scores at a stride."""

    plan: PixelPlan

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """Returns (N, C, h, w) scores at the plan's stride.

        Args:
            maps: (N, c, h, w) of every stage of the network.
        """
        raise NotImplementedError

    def answer(self, maps: list[torch.Tensor], temperature: float) -> tuple[torch.Tensor, ...]:
        """Returns (N, C, h, w) calibrated probabilities."""
        return (torch.softmax(self(maps) / temperature, dim=1),)


class _Linear(DenseNet):
    plan: DensePlan

    def __init__(self, plan: DensePlan) -> None:
        super().__init__(plan)
        self.convs = nn.ModuleList(
            nn.Conv2d(plan.all_channels[each], plan.n_classes, 1) for each in plan.read
        )
        self.filters = Filters() if plan.filters else None
        for conv in self.first():
            nn.init.zeros_(conv.weight)
            nn.init.zeros_(conv.bias)

    def first(self) -> list[nn.Conv2d]:
        return list(self.convs)

    def more(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [] if self.filters is None else self.filters(images)

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        parts = [conv(maps[i]) for conv, i in zip(self.convs, self.plan.read, strict=True)]
        total = parts[-1]
        for part in reversed(parts[:-1]):
            # From one stage to the next: cheaper than each to the largest, and smoother.
            total = part + to_size(total, part)
        return total


class _Pyramid(DenseNet):
    """Top-down: every stage adds to what the deeper ones say, smoothed on the way."""

    def __init__(self, plan: DensePlan) -> None:
        super().__init__(plan)
        self.laterals = nn.ModuleList(
            nn.Conv2d(plan.channels[each], plan.width, 1) for each in plan.stages
        )
        self.smooth = nn.ModuleList(Separable(plan.width) for _ in plan.stages)
        self.last = nn.Conv2d(plan.width, plan.n_classes, 1)

    def first(self) -> list[nn.Conv2d]:
        return list(self.laterals)

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        read = [maps[each] for each in self.plan.stages]
        return self.last(top_down(self.laterals, self.smooth, read)[0])


class _Block(nn.Sequential):
    """Two full convolutions, normalised by groups of channels."""

    def __init__(self, given: int, width: int) -> None:
        parts: list[nn.Module] = []
        for each in (given, width):
            parts += [
                nn.Conv2d(each, width, 3, padding=1, bias=False),
                nn.GroupNorm(math.gcd(8, width), width),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*parts)


class _Unet(DenseNet):
    """Ronneberger, Fischer and Brox, "U-Net", MICCAI 2015: a decoder with skips.

    Deeper levels are wider: of a width w the finest two have w channels, the next 1.5 w, then 2 w.
    """

    def __init__(self, plan: DensePlan) -> None:
        super().__init__(plan)
        channels = [plan.channels[each] for each in plan.stages]
        self.scales = nn.ModuleList(nn.Conv2d(each, each, 1, groups=each) for each in channels)
        for conv in self.first():
            nn.init.ones_(conv.weight)
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)
        widths = plan.widths
        below = (*widths[1:], channels[-1])
        self.blocks = nn.ModuleList(
            _Block(skip + deep, width)
            for skip, deep, width in zip(channels[:-1], below, widths, strict=True)
        )
        self.last = nn.Conv2d(widths[0], plan.n_classes, 1)

    def first(self) -> list[nn.Conv2d]:
        return list(self.scales)

    def start(self, means: list[torch.Tensor], stds: list[torch.Tensor]) -> None:
        with torch.no_grad():
            for conv, mean, std in zip(self.first(), means, stds, strict=True):
                conv.weight /= std.view(-1, 1, 1, 1)
                assert conv.bias is not None
                conv.bias -= conv.weight.flatten() * mean

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        read = [
            scale(maps[each]) for scale, each in zip(self.scales, self.plan.stages, strict=True)
        ]
        total = read[-1]
        for block, skip in zip(reversed(self.blocks), reversed(read[:-1]), strict=True):
            total = block(torch.cat((skip, to_size(total, skip)), dim=1))
        return self.last(total)


_KINDS: dict[str, type[DenseNet]] = {"linear": _Linear, "pyramid": _Pyramid, "unet": _Unet}


def build_dense(plan: DensePlan, *, seed: int = 0) -> DenseNet:
    """Returns the head that a plan describes, with weights that follow from a seed.

    Args:
        plan: What it is made of.
        seed: Of the weights.
    """
    return seeded(lambda: _KINDS[plan.kind](plan), seed)


def head_of(net: DenseNet) -> DenseHead:
    """Returns a module as it is kept."""
    assert isinstance(net.plan, DensePlan), "it is a head of ours"
    return DenseHead(net.plan, arrays_of(net))


def net_of(head: DenseHead) -> DenseNet:
    """Returns the module of a head, in evaluation mode."""
    return with_arrays(build_dense(head.plan), head)
