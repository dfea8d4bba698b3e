"""The network learns on under a head that has learnt already, on whole images.

A head on a frozen network is trained in minutes on two cores, and is as good as it gets there;
whoever has more time than it takes (or a GPU) has use for a network that moves too. It starts from
the head, so that nothing of the network is spoilt by a head that knows nothing yet (LP-FT; Kumar et
al., ICLR 2022).
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from headstart.compute import Compute
from headstart.images.inputs import InputImages
from headstart.images.preprocess import Preprocess
from headstart.nets.masks.net import DenseNet, net_of
from headstart.nets.masks.pixel_head import PixelPlan
from headstart.nets.pretrained.maps import MapLayout
from headstart.strategies.masks.course import Course
from headstart.strategies.masks.head import HeadLearner, HeadTask
from headstart.strategies.masks.tuned import LearntFrom, Tuned
from headstart.strategies.placed.lesson import States
from headstart.strategies.placed.problem import Folds
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.map_views import Scenes

__all__ = ["has_time", "minutes_lacking", "under_head_arm"]

# Of the head's rate: it has learnt already. And of that: the network's (docs/benchmarks.md).
_RATE, _BACKBONE_RATE = 0.5, 0.3
# Times as long as the head took: where less is left, nothing is timed; what it takes in full.
_TIMES, _IN_FULL = 1.5, 3.5


class _UnderHead(Tuned):
    """Trains a network together with the head that was trained on it."""

    def __init__(self, above: HeadLearner, compute: Compute, home: Path) -> None:
        self._above = above
        super().__init__(above.task, compute, home, LearntFrom(windows=False))
        # After a quarter it is no better than the head, or worse (docs/benchmarks.md).
        self.fewest = math.ceil(self.recipe.epochs / 2)

    def adapted(self, asked: MaskRecipe) -> MaskRecipe:
        """As `Tuned.adapted`."""
        rate = max(asked.backbone_lr, _BACKBONE_RATE)
        return replace(asked, lr=_RATE * asked.lr, backbone_lr=rate, freeze="none")

    def plan_over(self, layout: MapLayout, n_classes: int) -> PixelPlan:
        """As `Tuned.plan_over`: the head's own."""
        return self._above.head().plan

    def shown(self, task: HeadTask, plan: Any, look: LearntFrom) -> tuple[Scenes, InputImages]:
        """As `Tuned.shown`: what the head has learnt from."""
        return self._above.scenes, self._above.inputs

    def begun_head(self, plan: Any, layout: MapLayout, small: Preprocess) -> DenseNet:
        """As `Tuned.begun_head`: the head as it is."""
        return net_of(self._above.head())

    def called(self, plan: Any) -> str:
        """As `Tuned.called`."""
        return f"{super().called(plan)}, after the head alone,"


def has_time(head: Course, states: States) -> bool:
    """Tells whether half as much time again is left as the head took; decided once.

    An epoch of network and head takes several times as long as one of a head, and to find out how
    long takes seconds that whoever is in a hurry has no use for.

    Args:
        head: That has learnt.
        states: Where states are kept, and how long it may take.
    """
    took = np.inf if head.arm is None else head.arm.seconds
    longer = (states.seconds or 0.0) >= _TIMES * took
    return bool(states.checkpoints.once(f"{Tuned.name}-begun", lambda: (int(longer), ""))[0])


def minutes_lacking(head: Course, states: States) -> float:
    """Returns by how many minutes a budget is about too small for all of it; at least one.

    Args:
        head: That has learnt.
        states: How long it may take.
    """
    took = 0.0 if head.arm is None else head.arm.seconds
    return max(1.0, math.ceil((_IN_FULL * took - (states.seconds or 0.0)) / 60))


def under_head_arm(head: Course, folds: Folds, states: States, *, place: Path) -> Course:
    """Trains network and head from a trained head on, on all but one fold of the training images.

    Args:
        head: That has learnt.
        folds: Of the N training images, as the head's.
        states: Where states are kept, and how long it may take.
        place: Where the trained network is kept until the run is written.
    """
    begun, above = time.perf_counter(), head.learner
    assert isinstance(above, HeadLearner), "it is the head's"
    course = Course(_UnderHead(above, head.compute, place), head.compute, states.since(begun))
    return course.begin(folds, above.task.material.truth)
