"""Models of boxes that nobody trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headstart.nets.boxes.head import BoxPlan
from headstart.nets.boxes.net import box_head_of, build_boxes
from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import open_backbone
from headstart.nets.pretrained.maps import map_layout
from headstart.records import OutputSpec


def box_model(size: int = 64, width: int = 8) -> Model:
    """A pyramid with random weights on the packaged backbone, of two classes."""
    backbone = open_backbone("starter")
    preprocess = replace(backbone.preprocess, size=size, geometry="pad")
    layout = map_layout(backbone, preprocess)
    channels = tuple(shape[0] for shape in layout.shapes)
    stages = tuple(range(len(channels) - 3, len(channels)))
    plan = BoxPlan("pyramid", channels, layout.strides, stages, 2, width, bins=8)
    head = box_head_of(build_boxes(plan, seed=2))
    rng = np.random.default_rng(0)
    arrays = {
        name: (each + 0.05 * rng.normal(size=each.shape)).astype(np.float32)
        for name, each in head.arrays.items()
    }
    spec = OutputSpec("detection", ("cat", "dog"), {"size": size, "threshold": 0.3})
    return Model(backbone, replace(head, arrays=arrays), spec, preprocess, 1, 1.0)
