"""The arms that learn masks on a frozen network, each measured on held-out training images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from headstart.compute import Compute
from headstart.features.extract_filters import rows_as_read
from headstart.features.extract_maps import Maps
from headstart.nets.masks.head import FILTER_LEVELS, DenseHead, DensePlan
from headstart.nets.masks.pixel_head import PixelHead
from headstart.nets.place_runner import module_of
from headstart.nets.pretrained.backbone import Backbone
from headstart.nets.pretrained.maps import MapLayout
from headstart.probe.dense_linear import LinearTask, fit_linear
from headstart.probe.dense_scores import confusions, dense_temperature, mean_overlap, paired_gain
from headstart.probe.dense_targets import are_uneven, class_weights
from headstart.strategies.masks.material import MaskMaterial
from headstart.strategies.placed.arm_trials import ArmTrials
from headstart.strategies.placed.problem import Folds

__all__ = ["Arm", "HeldCounts", "compare_arms", "dense_probabilities", "linear_arm", "plan_of"]

_BATCH = 16
_NINE_OF_TEN = 1 / 3  # a gain that so many draws confirm, in widths of its 95 % interval


@dataclass(frozen=True)
class HeldCounts:
    """What held-out training images say of an arm.

    Attributes:
        rows: (n,) int, which of the training images.
        counts: (n, C, C) pixels by truth and answer.
        how: How they were held out, such as ``"5 folds"``.
    """

    rows: np.ndarray
    counts: np.ndarray
    how: str

    @property
    def value(self) -> float:
        """Mean IoU."""
        return float(mean_overlap(self.counts.sum(axis=0)))

    def on(self, rows: np.ndarray) -> np.ndarray:
        """Returns the (m, C, C) counts of some training images, all of them held out."""
        place = {int(row): at for at, row in enumerate(self.rows)}
        return self.counts[[place[int(row)] for row in rows]]


@dataclass(frozen=True)
class Arm:
    """A way to learn masks, fitted on all training images.

    Attributes:
        name: ``"linear"``, ``"head"``, ``"fine-tuned"``, or which decoder was named.
        summary: One sentence.
        head: What was learnt.
        backbone: What it reads: the given network, or what it became.
        size: Side of the input in pixels.
        temperature: Divides the scores.
        held: What held-out images say; None where none could be held out.
        seconds: Wall time.
        tile: Side of the tiles that the input is answered in; None for all of it at once.
    """

    name: str
    summary: str
    head: PixelHead
    backbone: Backbone
    size: int
    temperature: float
    held: HeldCounts | None
    seconds: float
    tile: int | None = None

    @property
    def called(self) -> str:
        """What it is called beside others."""
        return f"{self._arm} every {self.head.plan.stride} px"

    @property
    def _arm(self) -> str:
        filters = isinstance(self.head, DenseHead) and self.head.plan.filters
        return f"{self.name} with filters" if filters else self.name

    def row(self) -> dict[str, Any]:
        """Returns its line of `trials.csv`, without what comes from comparing arms."""
        held = self.held
        total = None if held is None else held.counts.sum(axis=0)
        right = float(np.trace(total) / max(1, total.sum())) if total is not None else np.nan
        return {
            "arm": self._arm,
            "input": self.size,
            "stride": self.head.plan.stride,
            "weights": sum(each.size for each in self.head.arrays.values()),
            "held_out": "none" if held is None else held.how,
            "mean_iou": "" if held is None else f"{held.value:.4f}",
            "pixel_accuracy": "" if held is None else f"{right:.4f}",
            "seconds": f"{self.seconds:.1f}",
        }


def plan_of(
    kind: Any, layout: MapLayout, stride: int, n_classes: int, *, width: int = 0
) -> DensePlan:
    """Returns the plan of a head that reads every stage from a stride on.

    Args:
        kind: See `DensePlan`.
        layout: Of all stages of the network.
        stride: Of its output, or the nearest that the network has.
        n_classes: C.
        width: See `DensePlan`.
    """
    strides = layout.strides
    chosen = tuple(i for i, each in enumerate(strides) if each >= stride) or (len(strides) - 1,)
    channels = tuple(shape[0] for shape in layout.shapes)
    return DensePlan(kind, channels, strides, chosen, n_classes, width)


def linear_arm(
    maps: Maps,
    material: MaskMaterial,
    backbone: Backbone,
    folds: Folds,
    compute: Compute,
    *,
    stride: int,
    balance: str,
    filters: Maps | None = None,
) -> Arm:
    """Fits a linear head on frozen maps, and one without each fold.

    Args:
        maps: Of the N training images, all stages.
        material: Their masks.
        backbone: That gave the maps.
        folds: Of the N training images.
        compute: Where, and from which seed.
        stride: Of the output.
        balance: See `class_weights`.
        filters: Of the same images, where it reads those too.
    """
    begun = time.perf_counter()
    plan = plan_of("linear", maps.layout, stride, material.n_classes)
    plan = replace(plan, filters=filters is not None)
    of, k = folds
    own, rows = rows_as_read(plan, maps, filters)
    shares = material.shares(plan.stride)
    pixels = shares.sum(axis=(0, 2, 3), dtype=np.float64)
    # Few weights cannot do justice to rare classes and to the others too: Dice alone looks to that.
    weights = class_weights(pixels, "none" if balance == "auto" else balance)
    held_out = of if k > 1 else of - 1
    task = LinearTask(own, rows, shares, held_out, weights, are_uneven(pixels))
    told = "" if filters is None else ", filters"
    phase = f"linear arm: {maps.layout.size} px, stride {plan.stride}{told}"
    compute.progress(phase, 0, 1)
    fit = fit_linear(task, plan, compute, phase=phase)
    held, temperature = None, 1.0
    if k > 1:
        counts = confusions(fit.scores, material.truth)
        held = HeldCounts(np.arange(len(rows)), counts, f"{k} folds")
        temperature = dense_temperature(fit.scores, material.truth)
    more = "" if filters is None else f" and {len(FILTER_LEVELS)} levels of fixed filters"
    summary = (
        f"a 1x1 convolution on each of {len(plan.stages)} frozen stages of {backbone.name}{more}, "
        f"input {maps.layout.size} px, answers every {plan.stride} px"
    )
    seconds = time.perf_counter() - begun
    return Arm("linear", summary, fit.head, backbone, maps.layout.size, temperature, held, seconds)


def dense_probabilities(
    head: PixelHead,
    temperature: float,
    maps: Maps,
    rows: Sequence[int] | np.ndarray,
    filters: Maps | None = None,
) -> np.ndarray:
    """Returns (n, C, h, w) float16 calibrated probabilities of some images.

    Args:
        head: What was learnt.
        temperature: Divides its scores.
        maps: Of all images, all stages.
        rows: (n,) which of them.
        filters: Of all images, where the head reads those too.
    """
    net, found, sources = module_of(head), [], [maps, *([] if filters is None else [filters])]
    with torch.inference_mode():
        for start in range(0, len(rows), _BATCH):
            some = np.asarray(rows)[start : start + _BATCH]
            parts = []
            for each in sources:
                held = each.since(each.layout.first)[some]
                parts += each.layout.split(torch.from_numpy(held).float())
            found.append((net(parts) / temperature).softmax(1).half().numpy())
    return np.concatenate(found)


def compare_arms(
    arms: list[Arm], clusters: np.ndarray, *, seed: int, last: bool = False
) -> ArmTrials[Arm]:
    """Chooses the arm with the largest mean IoU on the images that all of them held out.

    A head that is not surely worse than a linear one is kept before it: where held-out images could
    not tell the two apart, the test did, on every set measured (docs/benchmarks.md). It is also
    kept before network and head together, unless these win in nine of ten draws of the images.

    Args:
        arms: Of the same training images.
        clusters: (N,) int of those: what belongs together is drawn together.
        seed: Of the intervals.
        last: The last one is kept whatever is found: it was asked for.
    """
    measured = [arm.held for arm in arms]
    rows = [set(held.rows.tolist()) for held in measured if held is not None]
    if len(rows) < len(arms):  # nothing could be held out: the most able one, tried last
        return ArmTrials.of("mean IoU", arms, len(arms) - 1)
    common = np.array(sorted(set.intersection(*rows)))
    counts = [held.on(common) for held in measured if held is not None]
    gains = [
        [paired_gain(one, other, clusters[common], seed=seed) for other in counts] for one in counts
    ]
    order = range(len(arms))
    best = order[-1] if last else max(order, key=lambda i: min(gain[0] for gain in gains[i]))
    head = next((i for i, arm in enumerate(arms) if arm.name == "head"), best)
    value, low, high = gains[best][head]
    better = low >= 0 if arms[best].name == "linear" else value >= _NINE_OF_TEN * (high - low)
    equal = best != head and not last and not better
    if equal:
        best = head
    trials = ArmTrials.of("mean IoU", arms, best, gains[best])
    return replace(trials, why="Of equals the head is kept." if equal else "")
