"""Which way of finding boxes is kept: the best on held-out training images."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headstart.metrics.detection import average_precision
from headstart.nets.backbone import Backbone
from headstart.nets.box_head import BoxHead
from headstart.records import Estimate
from headstart.strategies.box_held import BoxOperating, HeldBoxes, held_gain
from headstart.strategies.box_material import BoxMaterial

__all__ = ["BoxArm", "BoxTrials", "compare_box_arms"]


@dataclass(frozen=True)
class BoxArm:
    """A way to find boxes, fitted on all training images.

    Attributes:
        name: ``"probe"``, ``"head"``, ``"fine-tuned"``.
        summary: One sentence.
        head: What was learnt.
        backbone: What it reads: the given network, or what it became.
        size: Side of the input in pixels.
        held: What held-out images say; None where none could be held out.
        operating: How its scores are told.
        seconds: Wall time.
        epochs: That it learnt for; 0 for none.
        partial: What it was after learning without the first fold, where `head` has learnt from
            all: whoever goes on from it is measured on that fold.
    """

    name: str
    summary: str
    head: BoxHead
    backbone: Backbone
    size: int
    held: HeldBoxes | None
    operating: BoxOperating
    seconds: float
    epochs: int = 0
    partial: BoxHead | None = None

    @property
    def start(self) -> BoxHead:
        """Where fine-tuning begins that is to be measured on the first fold."""
        return self.head if self.partial is None else self.partial


@dataclass(frozen=True)
class BoxTrials:
    """Arms beside each other.

    Attributes:
        arms: In the order they were tried.
        best: The one that is kept, as it is kept.
        chosen: Its number among `arms`.
        values: AP and AP50 of each on the images that all held out; NaN where there are none.
        gains: Of the kept one over each; None for itself, and where there are none.
    """

    arms: tuple[BoxArm, ...]
    best: BoxArm
    chosen: int
    values: tuple[tuple[float, float], ...]
    gains: tuple[Estimate | None, ...]

    def keeping(self, number: int, arm: BoxArm) -> BoxTrials:
        """Returns the same with one arm kept, as it has learnt on."""
        gains = self.gains if number == self.chosen else (None,) * len(self.arms)
        return replace(self, best=arm, chosen=number, gains=gains)

    @property
    def said(self) -> str:
        """One sentence on what the choice rests on."""
        others = [
            (gain, arm) for gain, arm in zip(self.gains, self.arms, strict=True) if gain is not None
        ]
        if not others:
            return ""
        gain, arm = min(others, key=lambda each: each[0].value)
        return (
            f"On held-out training images its AP is {gain.value:+.3f} (95 %: {gain.low:+.3f} to "
            f"{gain.high:+.3f}) from that of the next best, {arm.name}."
        )

    def rows(self) -> tuple[dict[str, Any], ...]:
        """Returns the lines of `trials.csv`, the kept one first."""
        lines = []
        for number, (arm, values) in enumerate(zip(self.arms, self.values, strict=True)):
            mine, gain = number == self.chosen, self.gains[number]
            shown = self.best if mine else arm
            known = not math.isnan(values[0])
            lines.append((not mine, {
                "arm": arm.name,
                "input": arm.size,
                "head": arm.head.kind,
                "epochs": arm.epochs or "",
                "held_out": "none" if arm.held is None else arm.held.how,
                "map": f"{values[0]:.4f}" if known else "",
                "map_50": f"{values[1]:.4f}" if known else "",
                "behind_low": "" if gain is None else f"{gain.low:.4f}",
                "behind_high": "" if gain is None else f"{gain.high:.4f}",
                "threshold": f"{shown.operating.threshold:.4f}",
                "seconds": f"{shown.seconds:.1f}",
                "chosen": mine,
            }))  # fmt: skip
        return tuple(row for _, row in sorted(lines, key=lambda each: each[0]))


def compare_box_arms(
    arms: list[BoxArm], material: BoxMaterial, clusters: np.ndarray, *, seed: int
) -> BoxTrials:
    """Chooses the arm with the largest AP on the images that all of them held out.

    Where nothing was held out, or no object is on it, nothing shows that a later arm is better:
    the first one stays.

    Args:
        arms: Of the same training images.
        material: Of those.
        clusters: (N,) int of those: what belongs together is drawn together.
        seed: Of the intervals.
    """
    nothing = ((math.nan, math.nan),) * len(arms)
    held = [arm.held for arm in arms if arm.held is not None]
    common: set[int] = set()
    if len(held) == len(arms):
        common = set.intersection(*(set(each.rows.tolist()) for each in held))
    if not common:
        return BoxTrials(tuple(arms), arms[0], 0, nothing, (None,) * len(arms))
    rows = np.array(sorted(common))
    matches = [each.matches(material, rows) for each in held]
    values = tuple(
        (average_precision(each).value, average_precision(each, iou=0.5).value) for each in matches
    )
    if math.isnan(values[0][0]):
        return BoxTrials(tuple(arms), arms[0], 0, values, (None,) * len(arms))
    best = max(range(len(arms)), key=lambda number: values[number][0])
    gains = tuple(
        None if number == best else held_gain(matches[best], each, clusters[rows], seed=seed)[0]
        for number, each in enumerate(matches)
    )
    return BoxTrials(tuple(arms), arms[best], best, values, gains)
