"""A decoder of segmentation-models-pytorch over the run's network, by its name.

Its layers begin at random and learn together with the network from the first step (frozen
BatchNorm, a slower rate below); `--strategy probe` leaves the network as it is. Everything around
that is as for our own ways: what is varied, which images are held out, calibration, and how a
training goes on.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

from headstart.choices import Segmenter
from headstart.compute import Compute
from headstart.errors import OptionError
from headstart.images.preprocess import Preprocess
from headstart.nets.masks.net import DenseNet
from headstart.nets.masks.pixel_head import PixelHead
from headstart.nets.pretrained.backbone import pick_device
from headstart.nets.pretrained.maps import MapLayout
from headstart.nets.smp.head import smp_head_of
from headstart.nets.smp.net import build_smp
from headstart.nets.smp.plan import SmpPlan
from headstart.strategies.masks.course import Course
from headstart.strategies.masks.head import HeadTask
from headstart.strategies.masks.tuned import LearntFrom, Tuned
from headstart.strategies.placed.lesson import States
from headstart.strategies.placed.problem import Folds
from headstart.tasks.segmentation.recipe import MaskRecipe

__all__ = ["named_segmenter", "smp_arm"]

_WORDS: dict[str, str] = {
    "unet": "U-Net", "unetplusplus": "U-Net++", "manet": "MAnet", "linknet": "LinkNet",
    "fpn": "FPN", "pan": "PAN", "deeplabv3plus": "DeepLabV3+", "upernet": "UPerNet",
    "segformer": "SegFormer",
}  # fmt: skip


def named_segmenter(options: dict[str, Any]) -> Segmenter | None:
    """Returns which decoder a training was asked for; None for ours.

    Args:
        options: Of the verb, as it was told.
    """
    given = options.get("segmenter")
    return cast(Segmenter, given) if given in get_args(Segmenter) else None


class _Named(Tuned):
    """Trains a decoder with its network, or on it."""

    def __init__(
        self, task: HeadTask, compute: Compute, home: Path | None, look: LearntFrom, kind: Segmenter
    ) -> None:
        self.name, self._kind, self._frozen = kind, kind, home is None
        super().__init__(task, compute, home, look)

    def adapted(self, asked: MaskRecipe) -> MaskRecipe:
        """As `Tuned.adapted`."""
        found = super().adapted(asked)
        return replace(found, freeze="head") if self._frozen else found

    def plan_over(self, layout: MapLayout, n_classes: int) -> SmpPlan:
        """As `Tuned.plan_over`.

        Raises:
            OptionError: If the decoder does not fit the network, or the input.
        """
        channels = tuple(shape[0] for shape in layout.shapes)
        plan = SmpPlan.over(self._kind, channels, layout.strides, n_classes)
        if fault := plan.fault():
            raise OptionError(
                f"--segmenter {self._kind} does not fit {self.backbone.name} ({fault}): choose "
                f"another backbone, such as fast or balanced"
            )
        if fault := plan.misfit(layout.size) or plan.misfit(self.size):
            raise OptionError(f"--segmenter {self._kind}: {fault}; choose another --image-size")
        return plan

    def begun_head(self, plan: Any, layout: MapLayout, small: Preprocess) -> DenseNet:
        """As `Tuned.begun_head`."""
        return build_smp(plan, seed=self._compute.seed)

    def called(self, plan: Any) -> str:
        """As `Tuned.called`."""
        how = "on the frozen" if self._frozen else "together with"
        return (
            f"segmentation-models-pytorch's {_WORDS[self._kind]} trained {how} {self.backbone.name}"
        )

    def head(self) -> PixelHead:
        """Returns the decoder as it is."""
        return smp_head_of(self._head)


def smp_arm(
    task: HeadTask,
    folds: Folds,
    compute: Compute,
    states: States,
    *,
    kind: Segmenter,
    place: Path | None,
    look: LearntFrom,
) -> Course:
    """Trains a decoder, with its network, on all but one fold of the training images.

    Args:
        task: What is learnt, on what, and how.
        folds: Of the N training images.
        compute: Where, and from which seed.
        states: Where states are kept, and how long it may take.
        kind: Which decoder.
        place: Where the trained network is kept until the run is written; None leaves the network
            as it is.
        look: What is learnt from.

    Raises:
        ModelError: If the package is not installed.
        OptionError: If the decoder does not fit network or input.
    """
    begun, compute = time.perf_counter(), replace(compute, device=pick_device(compute.device))
    learner = _Named(task, compute, place, look, kind)
    course = Course(learner, compute, states.since(begun), forced=True)
    return course.begin(folds, task.material.truth)
