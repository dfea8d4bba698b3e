"""Maps of a small network, and decoders of segmentation-models-pytorch over it."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import torch

from headstart.choices import Segmenter
from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import open_backbone
from headstart.nets.pretrained.maps import map_layout
from headstart.nets.smp.head import smp_head_of
from headstart.nets.smp.net import build_smp
from headstart.nets.smp.plan import SmpPlan
from headstart.records import OutputSpec

KINDS = get_args(Segmenter)
SIZE, CHANNELS, STRIDES = 256, (4, 8, 8, 16, 24), (2, 4, 8, 16, 32)


def plan_of(kind: str, *, first: int = 0, classes: int = 3) -> SmpPlan:
    """Over all stages of the network, or without the first of them."""
    return SmpPlan.over(kind, CHANNELS[first:], STRIDES[first:], classes)


def maps(*, first: int = 0, count: int = 2, size: int = SIZE, seed: int = 0) -> list[torch.Tensor]:
    """Of some images."""
    rng = torch.Generator().manual_seed(seed)
    return [
        torch.randn((count, c, size // s, size // s), generator=rng)
        for c, s in list(zip(CHANNELS, STRIDES, strict=True))[first:]
    ]


def smp_model(kind: str, size: int = SIZE) -> Model:
    """A decoder that nobody trained on the packaged backbone, of three classes."""
    backbone = open_backbone("starter")
    preprocess = replace(backbone.preprocess, size=size, geometry="pad")
    layout = map_layout(backbone, preprocess)
    channels = tuple(shape[0] for shape in layout.shapes)
    plan = SmpPlan.over(kind, channels, layout.strides, 3)
    net = build_smp(plan, seed=2)
    with torch.no_grad():
        net.last.weight.mul_(8)
    palette = [[0, 0, 0], [220, 40, 40], [40, 40, 220]]
    settings = {"palette": palette, "size": size, "stride": plan.stride}
    spec = OutputSpec("segmentation", ("ground", "disc", "square"), settings)
    return Model(backbone, smp_head_of(net), spec, preprocess, 1, 1.3)
