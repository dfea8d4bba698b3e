"""Which way of finding boxes is kept: the best on held-out training images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.metrics.detection import average_precision
from headstart.metrics.matching import Matches
from headstart.nets.boxes.head import BoxHead
from headstart.nets.heads.map_head import MapHead
from headstart.nets.pretrained.backbone import Backbone
from headstart.strategies.boxes.held import BoxOperating, HeldBoxes, held_gain
from headstart.strategies.boxes.material import BoxMaterial
from headstart.strategies.placed.arm_trials import ArmTrials, Gain

__all__ = ["BoxArm", "compare_box_arms"]


@dataclass(frozen=True)
class BoxArm:
    """A way to find boxes, fitted on all training images.

    Attributes:
        name: ``"probe"``, ``"head"``, ``"fine-tuned"``, or which of torchvision's detectors.
        summary: One sentence.
        head: What was learnt.
        backbone: What it reads: the given network, or what it became.
        size: Side of the input in pixels.
        held: What held-out images say; None where none could be held out.
        operating: How its scores are told.
        seconds: Wall time.
        epochs: That it learnt for, the last maybe in part; 0 for none.
        partial: What it was after learning without the first fold, where `head` has learnt from
            all: whoever goes on from it is measured on that fold.
    """

    name: str
    summary: str
    head: MapHead
    backbone: Backbone
    size: int
    held: HeldBoxes | None
    operating: BoxOperating
    seconds: float
    epochs: float = 0
    partial: BoxHead | None = None

    @property
    def start(self) -> BoxHead:
        """Where fine-tuning begins that is to be measured on the first fold."""
        found = self.head if self.partial is None else self.partial
        assert isinstance(found, BoxHead), "torchvision's detectors are no start of ours"
        return found

    @property
    def called(self) -> str:
        """What it is called beside others."""
        return self.name

    def row(self) -> dict[str, Any]:
        """Returns its line of `trials.csv`, without what comes from comparing arms."""
        return {
            "arm": self.name,
            "input": self.size,
            "head": self.head.kind,
            "epochs": f"{self.epochs:g}" if self.epochs else "",
            "held_out": "none" if self.held is None else self.held.how,
            "map": "",
            "map_50": "",
            "behind_low": "",
            "behind_high": "",
            "threshold": f"{self.operating.threshold:.4f}",
            "seconds": f"{self.seconds:.1f}",
        }


def compare_box_arms(
    arms: list[BoxArm], material: BoxMaterial, clusters: np.ndarray, *, seed: int
) -> ArmTrials[BoxArm]:
    """Chooses the arm with the largest AP on the images that all of them held out.

    Where nothing was held out, or no object is on it, nothing shows that a later arm is better:
    the first one stays.

    Args:
        arms: Of the same training images.
        material: Of those.
        clusters: (N,) int of those: what belongs together is drawn together.
        seed: Of the intervals.
    """
    held = [arm.held for arm in arms if arm.held is not None]
    common: set[int] = set()
    if len(held) == len(arms):
        common = set.intersection(*(set(each.rows.tolist()) for each in held))
    if not common:
        return ArmTrials.of("AP", arms, 0)
    rows = np.array(sorted(common))
    matches = [each.matches(material, rows) for each in held]
    values = [average_precision(each).value for each in matches]
    if math.isnan(values[0]):
        return ArmTrials.of("AP", arms, 0)
    best = max(range(len(arms)), key=values.__getitem__)
    gains = [
        None if each is matches[best] else _gain(matches[best], each, clusters[rows], seed)
        for each in matches
    ]
    columns = tuple(
        {"map": f"{value:.4f}", "map_50": f"{average_precision(each, iou=0.5).value:.4f}"}
        for value, each in zip(values, matches, strict=True)
    )
    return ArmTrials.of("AP", arms, best, gains, columns)


def _gain(one: Matches, other: Matches, clusters: np.ndarray, seed: int) -> Gain | None:
    found, _ = held_gain(one, other, clusters, seed=seed)
    return None if found is None else (found.value, found.low, found.high)
