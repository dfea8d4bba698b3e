"""Torchvision's detectors as modules: of a plan, with random weights or with those of a head."""

from __future__ import annotations

from headstart.nets.heads.head_net import seeded, with_arrays
from headstart.nets.heads.map_head import MapHead
from headstart.nets.heads.norm import group_norm
from headstart.nets.imports import import_timm
from headstart.nets.torchvision.body import HalvingBody, PyramidBody
from headstart.nets.torchvision.net import FcosBoxes, RetinaBoxes, SsdBoxes, TorchvisionNet
from headstart.nets.torchvision.plan import TorchvisionPlan
from headstart.nets.torchvision.rcnn import rcnn_of

__all__ = ["build_torchvision", "torchvision_net", "torchvision_net_of"]


def torchvision_net(plan: TorchvisionPlan) -> TorchvisionNet:
    """Returns the detector of a plan, with random weights.

    Args:
        plan: What it is made of.
    """
    import_timm()
    from torchvision.models import detection
    from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
    from torchvision.models.detection.ssd import SSD
    from torchvision.models.detection.ssdlite import SSDLiteHead

    if plan.kind == "fasterrcnn":
        return rcnn_of(plan)
    if plan.kind == "retinanet":
        return RetinaBoxes(plan, detection.RetinaNet(PyramidBody(plan), plan.n_classes))
    if plan.kind == "fcos":
        return FcosBoxes(plan, detection.FCOS(PyramidBody(plan), plan.n_classes))
    body, known = HalvingBody(plan), plan.n_classes + 1
    boxes = DefaultBoxGenerator([[2, 3]] * len(plan.sides), min_ratio=0.2, max_ratio=0.95)
    head = None
    if plan.kind == "ssdlite":
        per_cell = boxes.num_anchors_per_location()
        head = SSDLiteHead(body.out_channels, per_cell, known, group_norm)
    return SsdBoxes(plan, SSD(body, boxes, (plan.size, plan.size), known, head=head))


def build_torchvision(plan: TorchvisionPlan, *, seed: int = 0) -> TorchvisionNet:
    """Returns the same with weights that follow from a seed.

    Args:
        plan: What it is made of.
        seed: Of the weights.
    """
    return seeded(lambda: torchvision_net(plan), seed)


def torchvision_net_of(head: MapHead) -> TorchvisionNet:
    """Returns the module of a head, in evaluation mode."""
    assert isinstance(head.plan, TorchvisionPlan), "it is one of torchvision's detectors"
    return with_arrays(torchvision_net(head.plan), head)
