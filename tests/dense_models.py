"""Models of masks that nobody trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headstart.nets.masks.head import DensePlan
from headstart.nets.masks.net import build_dense, head_of
from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import open_backbone
from headstart.nets.pretrained.maps import map_layout
from headstart.records import OutputSpec


def dense_model(size: int = 64, width: int = 8) -> Model:
    """A pyramid with random weights on the packaged backbone, of two classes."""
    backbone = open_backbone("starter")
    preprocess = replace(backbone.preprocess, size=size, geometry="pad")
    layout = map_layout(backbone, preprocess)
    channels = tuple(shape[0] for shape in layout.shapes)
    plan = DensePlan("pyramid", channels, layout.strides, tuple(range(1, len(channels))), 2, width)
    head = head_of(build_dense(plan, seed=2))
    rng = np.random.default_rng(0)
    arrays = {
        name: (each + 0.05 * rng.normal(size=each.shape)).astype(np.float32)
        for name, each in head.arrays.items()
    }
    settings = {"palette": [[0, 0, 0], [200, 0, 0]], "size": size, "stride": plan.stride}
    spec = OutputSpec("segmentation", ("ground", "disc"), settings)
    return Model(backbone, replace(head, arrays=arrays), spec, preprocess, 1, 1.2)
