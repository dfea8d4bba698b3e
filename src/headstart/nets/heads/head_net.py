"""`HeadNet`: the module of a head that reads maps, and what such modules are made of.

Each takes the maps of a network's stages. Standardisation of the maps is part of its first
convolutions' weights, so a head is convolutions and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from headstart.nets.heads.map_head import MapHead, MapPlan

__all__ = [
    "HeadNet", "Separable", "array_shapes", "arrays_of", "seeded", "to_size", "top_down",
    "with_arrays",
]  # fmt: skip

N = TypeVar("N", bound="HeadNet")


class HeadNet(nn.Module):
    """A head that reads maps.

    Args:
        plan: What it is made of.
    """

    plan: MapPlan

    def __init__(self, plan: MapPlan) -> None:
        super().__init__()
        self.plan = plan

    def first(self) -> list[nn.Conv2d]:
        """Returns the 1x1 convolutions that standardise what they read, stage by stage."""
        raise NotImplementedError

    def more(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Returns (N, c, h, w) maps that it reads after those of the stages: none, for most.

        Args:
            images: (N, H, W, 3) uint8 RGB, as the network sees them.
        """
        return []

    def start(self, means: list[torch.Tensor], stds: list[torch.Tensor]) -> None:
        """Makes the first convolutions take maps as they come, as if standardised.

        Args:
            means: (c,) of each stage that is read, over the training images.
            stds: Likewise.
        """
        with torch.no_grad():
            for conv, mean, std in zip(self.first(), means, stds, strict=True):
                conv.weight /= std.view(1, -1, 1, 1)
                assert conv.bias is not None
                conv.bias -= conv.weight[:, :, 0, 0] @ mean

    def answer(self, maps: list[torch.Tensor], temperature: float) -> tuple[torch.Tensor, ...]:
        """Returns the outputs of a model with this head, in the order of `MapHead.outputs_at`.

        Args:
            maps: (N, c, h, w) of every stage of the network.
            temperature: Divides the scores, where these are of classes that exclude each other.
        """
        raise NotImplementedError


class Separable(nn.Sequential):
    """A depthwise and a pointwise convolution, normalised by groups of channels.

    Args:
        width: Channels, in and out.
    """

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
            nn.Conv2d(width, width, 1, bias=False),
            nn.GroupNorm(math.gcd(8, width), width),
            nn.ReLU(inplace=True),
        )


def to_size(maps: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Returns (N, C, h, w) maps at the size of others."""
    # Plain numbers: a graph that is exported shall not compute them anew for every image.
    size = [int(side) for side in like.shape[2:]]
    if [int(side) for side in maps.shape[2:]] == size:
        return maps
    return nn.functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def top_down(
    laterals: nn.ModuleList, smooth: nn.ModuleList, maps: list[torch.Tensor]
) -> list[torch.Tensor]:
    """Returns of every stage what it adds to what the deeper ones say, smoothed on the way.

    Args:
        laterals: A 1x1 convolution of each stage.
        smooth: What smooths the sum of each.
        maps: (N, c, h, w) of each, from the finest.
    """
    total: torch.Tensor | None = None
    found = []
    for at in reversed(range(len(laterals))):
        part = laterals[at](maps[at])
        total = part if total is None else part + to_size(total, part)
        total = smooth[at](total)
        found.append(total)
    return found[::-1]


def seeded(build: Callable[[], N], seed: int) -> N:
    """Returns a module with weights that follow from a seed; torch's own numbers stay."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def array_shapes(build: Callable[[], HeadNet]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Returns name and shape of every array of a module, of layers without numbers.

    Args:
        build: Makes the module.
    """
    with torch.device("meta"):
        kept = build().state_dict()
    return tuple((name, tuple(each.shape)) for name, each in kept.items())


def arrays_of(net: HeadNet) -> dict[str, np.ndarray]:
    """Returns the weights of a module as a `MapHead` keeps them."""
    return {
        name: each.detach().cpu().float().numpy().copy() for name, each in net.state_dict().items()
    }


def with_arrays(net: N, head: MapHead) -> N:
    """Gives a module the weights of a head, and returns it in evaluation mode."""
    net.load_state_dict({name: torch.from_numpy(each) for name, each in head.arrays.items()})
    return net.eval()
