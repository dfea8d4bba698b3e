"""Maps of a small network, and detectors of torchvision over it whose scores differ."""

from __future__ import annotations

from dataclasses import replace

import torch

from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import open_backbone
from headstart.nets.pretrained.maps import map_layout
from headstart.nets.torchvision.build import build_torchvision
from headstart.nets.torchvision.head import torchvision_head_of
from headstart.nets.torchvision.net import TorchvisionNet
from headstart.nets.torchvision.plan import TorchvisionPlan
from headstart.records import OutputSpec

SIZE, CHANNELS, STRIDES = 64, (4, 6, 8, 10), (4, 8, 16, 32)
KINDS = ("fasterrcnn", "retinanet", "fcos", "ssd", "ssdlite")


def plan_of(kind: str, classes: int = 3) -> TorchvisionPlan:
    """Of an input of 64 px."""
    return TorchvisionPlan.over(kind, CHANNELS, STRIDES, classes, SIZE)


def maps(seed: int = 0, count: int = 2) -> list[torch.Tensor]:
    """Of some images."""
    rng = torch.Generator().manual_seed(seed)
    return [
        torch.randn((count, c, SIZE // s, SIZE // s), generator=rng)
        for c, s in zip(CHANNELS, STRIDES, strict=True)
    ]


def lively(kind: str, classes: int = 3) -> TorchvisionNet:
    """A detector whose layers say something else of every box."""
    return enlivened(build_torchvision(plan_of(kind, classes), seed=1).eval())


def enlivened(net: TorchvisionNet) -> TorchvisionNet:
    """The same detector with larger weights in its last layers."""
    rng = torch.Generator()
    with torch.no_grad():
        for name, each in net.named_parameters():
            if each.ndim > 1 and "backbone" not in name:
                scale = 0.3 if "bbox" in name or "regression" in name else 1.0
                spread = scale * (2 / each[0].numel()) ** 0.5
                each.copy_(
                    spread * torch.randn(each.shape, generator=rng.manual_seed(each.numel()))
                )
    return net


def torchvision_model(kind: str, size: int = 64) -> Model:
    """A detector that nobody trained on the packaged backbone, of two classes."""
    backbone = open_backbone("starter")
    preprocess = replace(backbone.preprocess, size=size, geometry="pad")
    layout = map_layout(backbone, preprocess)
    channels = tuple(shape[0] for shape in layout.shapes)
    plan = TorchvisionPlan.over(kind, channels, layout.strides, 2, size)
    head = torchvision_head_of(enlivened(build_torchvision(plan, seed=2)))
    spec = OutputSpec("detection", ("cat", "dog"), {"size": size, "threshold": 0.3})
    return Model(backbone, head, spec, preprocess, 1, 1.0)


def objects() -> dict[str, torch.Tensor]:
    """What is on two images: two objects and a crowd, and nothing."""
    boxes = torch.tensor([[[4.0, 6, 30, 40], [20, 10, 60, 62], [0, 0, 9, 9]]]).repeat(2, 1, 1)
    return {"boxes": boxes, "classes": torch.tensor([[0, 2, -2], [-1, -1, -1]])}
