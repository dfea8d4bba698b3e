"""`NanoDetPlus`: NanoDet-Plus-m of RangiLyu (Apache-2.0), without its last layers.

ShuffleNetV2 1.0x, a path aggregation neck of Ghost bottlenecks, four levels with towers of their
own. Parts bear the names of the authors' checkpoints; where those have a BatchNorm or an
activation in a sequence stands nothing.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn

from headstart.nets.detectors.level_net import ActConv, LevelNet, leaky, resized

__all__ = ["NanoDetPlus"]

_STAGES = ((24, 116, 4), (116, 232, 8), (232, 464, 4))
_WIDTH = 96


class NanoDetPlus(LevelNet):
    """Levels of stride 8, 16, 32 and 64, each of 96 channels."""

    followed: ClassVar[dict[str, tuple[str, ...]]] = {
        "head.cls_convs.{i}.1.pointwise": ("head.gfl_cls.{i}",)
    }
    n_levels: ClassVar[int] = 4

    def __init__(self) -> None:
        super().__init__()
        self.backbone = _ShuffleNet()
        self.fpn = _GhostPan([wide for _, wide, _ in _STAGES])
        self.head = _Towers(self.n_levels)

    def trunk(self, images: torch.Tensor) -> list[torch.Tensor]:
        """As `LevelNet.trunk`: strides 8, 16 and 32."""
        return self.backbone(images)

    def levels(self, stages: list[torch.Tensor]) -> list[torch.Tensor]:
        """As `LevelNet.levels`."""
        return self.head(self.fpn(stages))

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """As `LevelNet.group_matcher`."""
        block = r"^backbone\.stage(\d)" if coarse else r"^backbone\.stage(\d)\.(\d+)"
        return {
            "stem": r"^backbone\.conv1",
            "blocks": [(block, None), (r"^fpn", (97,)), (r"^head", (98,))],
        }


class _ShuffleNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(ActConv(3, 24, 3, stride=2, act=leaky))
        for number, (inputs, outputs, count) in enumerate(_STAGES, start=2):
            blocks = [_Shuffle(inputs, outputs), *(_Shuffle(outputs) for _ in range(count - 1))]
            self.add_module(f"stage{number}", nn.Sequential(*blocks))

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        maps = nn.functional.max_pool2d(self.conv1(images), 3, 2, 1)
        found = []
        for number in range(2, 2 + len(_STAGES)):
            maps = self.get_submodule(f"stage{number}")(maps)
            found.append(maps)
        return found


class _Shuffle(nn.Module):
    """A block of ShuffleNetV2: half of the channels pass, or all twice at half the size."""

    def __init__(self, inputs: int, outputs: int | None = None) -> None:
        super().__init__()
        self.halves = outputs is not None
        half = (outputs or inputs) // 2
        stride, read = (2, inputs) if self.halves else (1, half)
        if self.halves:
            self.branch1 = nn.Sequential(
                ActConv(inputs, inputs, 3, stride=2, depthwise=True), nn.Identity(),
                ActConv(inputs, half, act=leaky),
            )  # fmt: skip
        self.branch2 = nn.Sequential(
            ActConv(read, half, act=leaky), nn.Identity(), nn.Identity(),
            ActConv(half, half, 3, stride=stride, depthwise=True), nn.Identity(),
            ActConv(half, half, act=leaky),
        )  # fmt: skip

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        if self.halves:
            both = [self.branch1(maps), self.branch2(maps)]
        else:
            kept, rest = maps.chunk(2, dim=1)
            both = [kept, self.branch2(rest)]
        return _shuffled(*both)


def _shuffled(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Returns the (N, 2C, h, w) channels of two maps by turns.

    Transposed in the order of NCHW, as the authors do, every map after it would lie so too, and
    processors train depthwise convolutions twice as fast where the channels are last.
    """
    if torch.jit.is_tracing() or not second.is_contiguous(memory_format=torch.channels_last):
        both = torch.cat([first, second], dim=1)
        return both.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)
    last = [each.permute(0, 2, 3, 1) for each in (first, second)]
    return torch.stack(last, dim=-1).flatten(3).permute(0, 3, 1, 2)


class _Separate(nn.Module):
    """5x5 depthwise, then pointwise."""

    def __init__(self, *, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = ActConv(_WIDTH, _WIDTH, 5, stride=stride, depthwise=True, act=leaky)
        self.pointwise = ActConv(_WIDTH, _WIDTH, act=leaky)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.pointwise(self.depthwise(maps))


class _Ghost(nn.Module):
    """Half of the channels by a convolution, the others cheaply from those (Han et al., 2020)."""

    def __init__(self, inputs: int, *, act: bool) -> None:
        super().__init__()
        half, chosen = _WIDTH // 2, leaky if act else None
        self.primary_conv = nn.Sequential(ActConv(inputs, half, act=chosen))
        self.cheap_operation = nn.Sequential(ActConv(half, half, 3, depthwise=True, act=chosen))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        first = self.primary_conv(maps)
        return torch.cat([first, self.cheap_operation(first)], dim=1)


class _Bottleneck(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ghost1, self.ghost2 = _Ghost(2 * _WIDTH, act=True), _Ghost(_WIDTH, act=False)
        self.shortcut = nn.Sequential(
            ActConv(2 * _WIDTH, 2 * _WIDTH, 5, depthwise=True), nn.Identity(),
            ActConv(2 * _WIDTH, _WIDTH),
        )  # fmt: skip

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.ghost2(self.ghost1(maps)) + self.shortcut(maps)


class _Blocks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(_Bottleneck())

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return self.blocks(torch.cat([first, second], dim=1))


class _Reduce(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv = ActConv(inputs, _WIDTH, act=leaky)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.conv(maps)


class _GhostPan(nn.Module):
    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        steps = range(len(channels) - 1)
        self.reduce_layers = nn.ModuleList(_Reduce(each) for each in channels)
        self.top_down_blocks = nn.ModuleList(_Blocks() for _ in steps)
        self.downsamples = nn.ModuleList(_Separate(stride=2) for _ in steps)
        self.bottom_up_blocks = nn.ModuleList(_Blocks() for _ in steps)
        self.extra_lvl_in_conv = nn.ModuleList([_Separate(stride=2)])
        self.extra_lvl_out_conv = nn.ModuleList([_Separate(stride=2)])

    def forward(self, stages: list[torch.Tensor]) -> list[torch.Tensor]:
        read = [reduce(each) for reduce, each in zip(self.reduce_layers, stages, strict=True)]
        down = [read[-1]]
        for block, lower in zip(self.top_down_blocks, reversed(read[:-1]), strict=True):
            down.insert(0, block(resized(down[0], lower, "bilinear"), lower))
        found = [down[0]]
        steps = zip(self.downsamples, self.bottom_up_blocks, down[1:], strict=True)
        for smaller, block, higher in steps:
            found.append(block(smaller(found[-1]), higher))
        extra = self.extra_lvl_in_conv[0](read[-1]) + self.extra_lvl_out_conv[0](found[-1])
        return [*found, extra]


class _Towers(nn.Module):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.cls_convs = nn.ModuleList(
            nn.Sequential(_Separate(), _Separate()) for _ in range(count)
        )

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        return [tower(each) for tower, each in zip(self.cls_convs, maps, strict=True)]
