"""`SmpNet`: decoders of segmentation-models-pytorch over a network of ours, as modules.

Layers and their first weights are the package's own; the network that it would fetch is the one
that was opened here, so a stand-in says how wide its maps are. BatchNorm becomes GroupNorm: a few
images make poor statistics, and shares of a batch on several processors would each have their own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from headstart.errors import ModelError
from headstart.nets.heads.head_net import seeded, with_arrays
from headstart.nets.heads.map_head import MapHead
from headstart.nets.heads.norm import group_norm
from headstart.nets.imports import import_timm
from headstart.nets.masks.net import DenseNet
from headstart.nets.smp.plan import SmpPlan

__all__ = ["SmpNet", "build_smp", "load_smp", "smp_net", "smp_net_of"]

# What a decoder is told beside its class count: as published where nothing stands here.
_TOLD: dict[str, dict[str, Any]] = {
    "pan": {"encoder_output_stride": 32},
    "deeplabv3plus": {"encoder_depth": 4},
}


class SmpNet(DenseNet):
    """A decoder, from the stages of a network on.

    Args:
        plan: What it is made of.
        model: The package's, over a stand-in for the network.
    """

    plan: SmpPlan

    def __init__(self, plan: SmpPlan, model: Any) -> None:
        super().__init__(plan)
        self.decoder = _normalised(model.decoder)
        # Without the package's own enlarging: whoever decodes scores enlarges them.
        self.last = model.segmentation_head[0]

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """As `DenseNet.forward`."""
        read = [maps[each] for each in self.plan.stages]
        # The image and, of some networks, a map at half its size: of these only sizes are read.
        side = self.plan.strides[self.plan.stages[0]]
        while side > 1:
            side //= 2
            read.insert(0, _empty(read[0]))
        found: torch.Tensor = self.last(self.decoder(read))
        return found


def _empty(like: torch.Tensor) -> torch.Tensor:
    """Returns maps without channels, twice as large as others."""
    # Plain numbers: a graph that is exported shall not compute them anew for every image.
    high, wide = (2 * int(side) for side in like.shape[2:])
    return like.new_empty((like.shape[0], 0, high, wide))


class _Means(nn.Module):
    """`nn.AdaptiveAvgPool2d` as two products: ONNX has it for some sizes only.

    Args:
        parts: Rows and columns of the result.
    """

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        rows, columns = (self._shares(int(side)).to(maps) for side in maps.shape[2:])
        return rows @ maps @ columns.T

    def _shares(self, side: int) -> torch.Tensor:
        """Returns (parts, side): the share of each row in the mean of each part."""
        found = torch.zeros(self.parts, side)
        for part in range(self.parts):
            first, last = part * side // self.parts, -(-(part + 1) * side // self.parts)
            found[part, first:last] = 1 / (last - first)
        return found


def _normalised(module: nn.Module) -> nn.Module:
    """Puts what needs no statistics of a batch in the place of BatchNorm, and `_Means` in."""
    for name, each in module.named_children():
        if isinstance(each, nn.BatchNorm2d):
            # One channel, normalised by itself, would forget how large it is.
            width = each.num_features
            setattr(module, name, group_norm(width) if width > 1 else nn.Identity())
        elif isinstance(each, nn.AdaptiveAvgPool2d) and each.output_size not in (1, (1, 1)):
            size = each.output_size
            setattr(module, name, _Means(size[0] if isinstance(size, tuple) else size))
        else:
            _normalised(each)
    return module


class _StandIn(nn.Module):
    """Stands for an encoder of the package's: it says how wide maps are, and has no weights."""

    def __init__(self, channels: tuple[int, ...], depth: int = 5, output_stride: int = 32) -> None:
        super().__init__()
        self.out_channels = [3, *channels][: depth + 1]
        self.output_stride = output_stride

    def set_in_channels(self, channels: int, pretrained: bool = True) -> None:
        """The image is not its business."""

    def make_dilated(self, output_stride: int) -> None:
        """Maps are as they are."""


def load_smp() -> Any:
    """Imports segmentation-models-pytorch.

    Raises:
        ModelError: If it is not installed.
    """
    import_timm()  # torchvision with it, without torch's compiler
    try:
        import segmentation_models_pytorch
    except ImportError as error:
        raise ModelError(
            f"decoders such as unet need segmentation-models-pytorch ({error}): pip install "
            f"'headstart[segment]'"
        ) from None
    return segmentation_models_pytorch


def smp_net(plan: SmpPlan) -> SmpNet:
    """Returns the decoder of a plan, with random weights.

    Args:
        plan: What it is made of.

    Raises:
        ModelError: If the package is not installed.
    """
    smp = load_smp()
    channels = tuple(plan.channels[each] for each in plan.stages)
    if len(channels) < len(plan.wanted):
        channels = (0, *channels)
    # As the package's guide adds encoders: one name for each choice of widths.
    name = f"headstart-{'-'.join(map(str, channels))}"
    about = {"encoder": _StandIn, "params": {"channels": channels}, "pretrained_settings": {}}
    smp.encoders.encoders.setdefault(name, about)
    model = smp.create_model(
        plan.kind, encoder_name=name, encoder_weights=None, classes=plan.n_classes,
        **_TOLD.get(plan.kind, {}),
    )  # fmt: skip
    return SmpNet(plan, model)


def build_smp(plan: SmpPlan, *, seed: int = 0) -> SmpNet:
    """Returns the same with weights that follow from a seed.

    Args:
        plan: What it is made of.
        seed: Of the weights.
    """
    return seeded(lambda: smp_net(plan), seed)


def smp_net_of(head: MapHead) -> SmpNet:
    """Returns the module of a head, in evaluation mode."""
    assert isinstance(head.plan, SmpPlan), "it is a decoder of segmentation-models-pytorch"
    return with_arrays(smp_net(head.plan), head)
