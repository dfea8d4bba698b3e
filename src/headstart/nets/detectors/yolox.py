"""`YoloxNano`: YOLOX-nano of Megvii (Apache-2.0), without its last layers.

CSPDarknet with depthwise convolutions, a path aggregation neck, three levels with a tower for
classes and one for boxes. Parts bear the names of the authors' checkpoints.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn

from headstart.nets.detectors.level_net import ActConv, LevelNet, resized

__all__ = ["YoloxNano"]

_BASE = 16
_WIDTH = 64


class YoloxNano(LevelNet):
    """Levels of stride 8, 16 and 32: 64 channels for classes beside 64 for boxes."""

    followed: ClassVar[dict[str, tuple[str, ...]]] = {
        "head.cls_convs.{i}.1.pconv.conv": ("head.cls_preds.{i}",),
        "head.reg_convs.{i}.1.pconv.conv": ("head.reg_preds.{i}", "head.obj_preds.{i}"),
    }
    n_levels: ClassVar[int] = 3

    def __init__(self) -> None:
        super().__init__()
        self.backbone = _Neck()
        self.head = _Towers([4 * _BASE, 8 * _BASE, 16 * _BASE])

    def trunk(self, images: torch.Tensor) -> list[torch.Tensor]:
        """As `LevelNet.trunk`: strides 8, 16 and 32."""
        return self.backbone.backbone(images)

    def levels(self, stages: list[torch.Tensor]) -> list[torch.Tensor]:
        """As `LevelNet.levels`."""
        return self.head(self.backbone(stages))

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """As `LevelNet.group_matcher`."""
        block = r"^backbone\.backbone\.dark(\d)"
        return {
            "stem": r"^backbone\.backbone\.stem",
            "blocks": [
                (block if coarse else block + r"\.(\d+)", None),
                (r"^backbone\.[a-zC]\w+_", (97,)),
                (r"^head", (98,)),
            ],
        }


class _Conv(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, depthwise: bool = False
    ) -> None:
        super().__init__()
        silu = nn.functional.silu
        self.conv = ActConv(inputs, outputs, kernel, stride=stride, depthwise=depthwise, act=silu)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.conv(maps)


class _Separate(nn.Module):
    """3x3 depthwise, then pointwise."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.dconv = _Conv(inputs, inputs, 3, stride, depthwise=True)
        self.pconv = _Conv(inputs, outputs)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.pconv(self.dconv(maps))


class _Focus(nn.Module):
    """Four neighbouring pixels become one of four times the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = _Conv(12, _BASE, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        parts = [images[..., y::2, x::2] for x in (0, 1) for y in (0, 1)]
        return self.conv(torch.cat(parts, dim=1))


class _Bottleneck(nn.Module):
    def __init__(self, width: int, *, adds: bool) -> None:
        super().__init__()
        self.conv1, self.conv2 = _Conv(width, width), _Separate(width, width)
        self.adds = adds

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        found = self.conv2(self.conv1(maps))
        return found + maps if self.adds else found


class _Csp(nn.Module):
    """Bottlenecks on half of the channels, beside the other half (Wang et al., 2020)."""

    def __init__(self, inputs: int, outputs: int, count: int = 1, *, adds: bool = False) -> None:
        super().__init__()
        half = outputs // 2
        self.conv1, self.conv2 = _Conv(inputs, half), _Conv(inputs, half)
        self.m = nn.Sequential(*(_Bottleneck(half, adds=adds) for _ in range(count)))
        self.conv3 = _Conv(2 * half, outputs)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        first, second = self.conv1(maps), self.conv2(maps)
        return self.conv3(torch.cat([self.m(first), second], dim=1))


class _Pools(nn.Module):
    """Maxima over three sizes of neighbourhood, beside the map itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _Conv(width, width // 2), _Conv(2 * width, width)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        read = self.conv1(maps)
        pools = [nn.functional.max_pool2d(read, side, 1, side // 2) for side in (5, 9, 13)]
        return self.conv2(torch.cat([read, *pools], dim=1))


class _Trunk(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = _Focus()
        widths = [_BASE << step for step in range(5)]
        for number, count in ((2, 1), (3, 3), (4, 3), (5, 1)):
            inputs, outputs = widths[number - 2], widths[number - 1]
            pools = [_Pools(outputs)] if number == 5 else []
            csp = _Csp(outputs, outputs, count, adds=number < 5)
            parts = nn.Sequential(_Separate(inputs, outputs, 2), *pools, csp)
            self.add_module(f"dark{number}", parts)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        maps, found = self.stem(images), []
        for number in range(2, 6):
            maps = self.get_submodule(f"dark{number}")(maps)
            found.append(maps)
        return found[1:]


class _Neck(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        small, middle, wide = (_BASE << step for step in (2, 3, 4))
        self.backbone = _Trunk()
        self.lateral_conv0 = _Conv(wide, middle)
        self.C3_p4 = _Csp(2 * middle, middle)
        self.reduce_conv1 = _Conv(middle, small)
        self.C3_p3 = _Csp(2 * small, small)
        self.bu_conv2 = _Separate(small, small, 2)
        self.C3_n3 = _Csp(2 * small, middle)
        self.bu_conv1 = _Separate(middle, middle, 2)
        self.C3_n4 = _Csp(2 * middle, wide)

    def forward(self, stages: list[torch.Tensor]) -> list[torch.Tensor]:
        low, mid, high = stages
        top = self.lateral_conv0(high)
        found = self.C3_p4(torch.cat([resized(top, mid, "nearest"), mid], dim=1))
        second = self.reduce_conv1(found)
        fine = self.C3_p3(torch.cat([resized(second, low, "nearest"), low], dim=1))
        middle = self.C3_n3(torch.cat([self.bu_conv2(fine), second], dim=1))
        coarse = self.C3_n4(torch.cat([self.bu_conv1(middle), top], dim=1))
        return [fine, middle, coarse]


class _Towers(nn.Module):
    def __init__(self, channels: list[int]) -> None:
        super().__init__()

        def towers() -> nn.ModuleList:
            each = (_Separate(_WIDTH, _WIDTH) for _ in range(2 * len(channels)))
            return nn.ModuleList(nn.Sequential(one, two) for one, two in zip(each, each))

        self.stems = nn.ModuleList(_Conv(each, _WIDTH) for each in channels)
        self.cls_convs, self.reg_convs = towers(), towers()

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        found = []
        for at, each in enumerate(maps):
            read = self.stems[at](each)
            found.append(torch.cat([self.cls_convs[at](read), self.reg_convs[at](read)], dim=1))
        return found
