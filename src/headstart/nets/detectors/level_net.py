"""`LevelNet`: what COCO's detectors have in common, with the face of a timm network.

Its stages are the maps of its levels just before the last 1x1 layers, so all that reads stages
(caches, engines, heads, fine-tuning) reads a detector too; the last layers are a `BoxHead`.
Convolutions have their BatchNorm in them, as published for use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import nn

__all__ = ["ActConv", "LevelNet", "leaky", "resized"]

Activation = Callable[[torch.Tensor], torch.Tensor]


class ActConv(nn.Conv2d):
    """A convolution with bias that keeps the size, or divides it, and its activation.

    Args:
        inputs: Channels.
        outputs: Channels.
        kernel: Side of it, odd.
        stride: Of it.
        depthwise: Each channel by itself.
        act: Applied to what comes out; None for none.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        depthwise: bool = False,
        act: Activation | None = None,
    ) -> None:
        groups = inputs if depthwise else 1
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, groups=groups)
        self.act = act

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Returns (N, outputs, h, w) of (N, inputs, H, W)."""
        found = super().forward(maps)
        return found if self.act is None else self.act(found)


class LevelNet(nn.Module):
    """A detector without its last layers.

    Attributes:
        followed: Name of the last convolution of a tower, with ``{i}`` for the level -> the
            published names of the 1x1 layers that read it, in the order in which they run.
        pretrained_cfg: As timm has it: the preprocessing of the weights.
        num_classes: 0, for there is no classifier.
    """

    followed: ClassVar[dict[str, tuple[str, ...]]]
    n_levels: ClassVar[int]
    num_classes: ClassVar[int] = 0
    pretrained_cfg: dict[str, Any]

    def trunk(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Returns the maps of the trunk's stages that the neck reads, of (N, 3, H, W) images."""
        raise NotImplementedError

    def levels(self, stages: list[torch.Tensor]) -> list[torch.Tensor]:
        """Returns the map of each level, from what `trunk` gave."""
        raise NotImplementedError

    def forward_intermediates(self, images: torch.Tensor, intermediates_only: bool = False) -> Any:
        """As timm's: the trunk's last map and those of the levels, or those alone.

        Args:
            images: (N, 3, H, W), normalised.
            intermediates_only: Give the (N, c, h, w) of the levels alone.
        """
        stages = self.trunk(images)
        maps = self.levels(stages)
        return maps if intermediates_only else (stages[-1], maps)

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """Returns the (N, C, h, w) of the trunk's last stage."""
        return self.trunk(images)[-1]

    def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Returns the (N, C) mean of `forward_features`."""
        return features.mean((2, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns (N, C) pooled vectors of (N, 3, H, W) normalised images."""
        return self.forward_head(self.forward_features(images))

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Returns timm's description of layers: patterns of the parameters' names, in order."""
        raise NotImplementedError


def leaky(maps: torch.Tensor) -> torch.Tensor:
    """Leaky ReLU of slope 0.1."""
    return nn.functional.leaky_relu(maps, 0.1)


def resized(maps: torch.Tensor, like: torch.Tensor, mode: str) -> torch.Tensor:
    """Returns (N, C, h, w) maps twice as large, or as large as others where those are odd."""
    # Plain numbers: a graph that is exported shall not compute them anew for every image.
    size = [int(side) for side in like.shape[2:]]
    straight = {"align_corners": False} if mode == "bilinear" else {}
    return nn.functional.interpolate(maps, size=size, mode=mode, **straight)
