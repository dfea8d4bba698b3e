"""Small problems: drawn images, the starter network at 32 pixels, and what belongs together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headstart.data.dataset import Dataset
from headstart.features.extract import extract
from headstart.nets.backbone import open_backbone
from headstart.probe.frozen import Frozen
from headstart.strategies.problem import FrozenNetwork, Prepared

SIZE = 32


def material(
    data: Dataset, *, clusters: np.ndarray | None = None
) -> tuple[Prepared, FrozenNetwork]:
    """All items of a data set, each by itself unless clusters are given, and their features."""
    backbone, n = open_backbone("starter"), len(data)
    preprocess = replace(backbone.preprocess, size=SIZE)
    found = extract(data, backbone, preprocess=preprocess, device="cpu", workers=1)
    own = np.arange(n) if clusters is None else clusters
    prepared = Prepared(data, found.stats, own, data.splits, np.zeros(n, bool))
    frozen = Frozen.of_stages(found.vectors, found.slices)
    return prepared, FrozenNetwork(backbone, preprocess, 1, frozen)
