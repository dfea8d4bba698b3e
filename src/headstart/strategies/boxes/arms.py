"""The trained ways of finding boxes: a head on frozen maps, and network and head together.

One fold of the training images is held out while they learn on the others: that is what they are
compared by, calibrated on, and what the operating threshold is chosen on. What is kept learns on
from there with all images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from headstart.compute import Compute
from headstart.nets.batches.batch import Batch
from headstart.nets.batches.loader import Rest
from headstart.nets.boxes.head import BoxHead, BoxPlan, grid
from headstart.nets.boxes.net import (
    BoxNet,
    BoxRows,
    box_corners,
    box_head_of,
    box_net_of,
    box_scores,
)
from headstart.nets.engines.engine import Engine
from headstart.nets.heads.map_head import MapHead
from headstart.nets.learning.map_net import MapNet
from headstart.nets.learning.trainable import TrainableModel
from headstart.nets.pretrained.backbone import Backbone
from headstart.nets.pretrained.maps import MapLayout
from headstart.probe.dense_linear import map_moments
from headstart.strategies.boxes.budget import fitting_head
from headstart.strategies.boxes.choice import BoxArm
from headstart.strategies.boxes.find import found_on_maps
from headstart.strategies.boxes.pupil import BoxTask, LearningArm, Pupil, kept_network
from headstart.strategies.placed.lesson import Lesson
from headstart.tasks.detection.learn import correct, loss
from headstart.tasks.detection.learn import head as new_head
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.tasks.protocol import Outputs
from headstart.training.map_views import MapViews, fresh_views

__all__ = [
    "head_arm_of_boxes",
    "lesson_of",
    "pyramid_plan",
    "tuned_arm_of_boxes",
]

_STRIDES = (8, 32)
# Distances reach so far, in sides of the input, from the coarsest cells.
_REACH = 0.7


def cells_of(plan: BoxPlan, layout: MapLayout) -> np.ndarray:
    """Returns (A, 3) of the cells of an input, as `grid` has them."""
    return grid(plan, [layout.shapes[stage][1:] for stage in plan.stages])


def pyramid_plan(layout: MapLayout, n_classes: int, recipe: BoxRecipe) -> BoxPlan:
    """Returns the plan of a head on the stages of an ordinary network.

    Args:
        layout: Of all its stages.
        n_classes: C.
        recipe: Its width and bins.
    """
    strides, low, high = layout.strides, *_STRIDES
    stages = tuple(i for i, each in enumerate(strides) if low <= each <= high)
    stages = stages or (len(strides) - 1,)
    bins = max(recipe.bins, math.ceil(_REACH * layout.size / strides[stages[-1]]) + 1)
    channels = tuple(shape[0] for shape in layout.shapes)
    return BoxPlan("pyramid", channels, strides, stages, n_classes, recipe.width, bins)


class _BoxPupil(Pupil):
    """One whose net is a head of ours."""

    net: BoxNet
    cells: np.ndarray

    def head(self) -> MapHead:
        return box_head_of(self.net)

    def teach(self, module: nn.Module, batches: Callable[[Rest], Iterator[Batch]]) -> None:
        """Says what is trained, and on which batches."""
        plan, task = self.net.plan, self.task
        self.cells = cells_of(plan, task.layout)
        self.lesson = Lesson(
            module, task.strata, batches, lambda recipe: loss(recipe, (plan, self.cells)), correct
        )


class _HeadPupil(_BoxPupil):
    name, phase = "head", "head"

    def __init__(
        self, task: BoxTask, compute: Compute, recipe: BoxRecipe, rows: np.ndarray, engine: Engine
    ) -> None:
        super().__init__(task, compute, recipe)
        self.rows = rows
        plan = pyramid_plan(task.layout, task.material.n_classes, recipe)
        first = plan.stages[0]
        views = self.views = MapViews(
            engine, task.layout, first, task.scenes, count=min(recipe.views, recipe.epochs),
            compute=compute,
        )  # fmt: skip
        held = rows[:, task.layout.bounds[first] :]
        means, stds = map_moments(views.layout, held)
        read = [stage - first for stage in plan.stages]
        start = [means[each] for each in read], [stds[each] for each in read]
        self.net = new_head(plan, plan.n_classes, start, seed=compute.seed)
        self.teach(MapNet(BoxRows(self.net), views.layout), views.batches)

    @property
    def summary(self) -> str:
        """As `Pupil.summary`."""
        plan, task = self.net.plan, self.task
        return (
            f"a top-down head of {plan.width} channels on {len(plan.stages)} frozen stages of "
            f"{task.backbone.name}, input {task.layout.size} px"
        )

    def within(self, by: float) -> str:
        """Keeps its training to a time; returns how long its epochs take, where that cuts it."""
        task = self.task
        self.recipe, pace, why = fitting_head(
            task, self.lesson, self.recipe, self.views, self.compute, by=by
        )
        self.task = replace(task, pace=pace)
        return why

    def find(self, rows: np.ndarray) -> Outputs:
        return found_on_maps(
            self.net, self.task.layout, self.rows[rows], self.recipe, self.task.most
        )


class _TunedPupil(_BoxPupil):
    name, phase = "tuned", "fine-tuned"

    def __init__(self, task: BoxTask, compute: Compute, recipe: BoxRecipe, head: BoxHead) -> None:
        super().__init__(task, compute, recipe)
        self.given = head
        self.net = box_net_of(head)
        module = TrainableModel(
            task.backbone.copy(), task.material.preprocess, None, BoxRows(self.net)
        )
        module.fuse()
        self.module = module
        self.teach(module, lambda keys: fresh_views(task.scenes, keys, compute))

    @property
    def summary(self) -> str:
        """As `Pupil.summary`."""
        task = self.task
        return (
            f"{task.backbone.name} and its head trained together for {self.passes:g} epochs, input "
            f"{task.layout.size} px"
        )

    @property
    def begun(self) -> dict[str, np.ndarray]:
        return self.given.arrays

    def find(self, rows: np.ndarray) -> Outputs:
        plan, cells = self.net.plan, torch.from_numpy(self.cells).to(self.compute.device)

        def tell(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            raw = self.module(pixels).float()
            return box_scores(plan, raw), box_corners(plan, raw, cells)

        self.module.eval()
        return self.find_on(rows, tell)

    def keep(self) -> Backbone:
        return kept_network(self.module, self.task)


def lesson_of(task: BoxTask, start: BoxArm, compute: Compute) -> Lesson:
    """Returns what fine-tuning from some head would learn, on a network of its own.

    Args:
        task: What is learnt from.
        start: Whose head it begins with.
        compute: Where.
    """
    return _TunedPupil(task, compute, task.recipe, start.start).lesson


def head_arm_of_boxes(
    task: BoxTask,
    compute: Compute,
    recipe: BoxRecipe,
    *,
    rows: np.ndarray,
    engine: Engine,
    by: float | None = None,
) -> LearningArm:
    """Trains a new head on the maps of a frozen network, on all but one fold.

    Args:
        task: What is learnt from.
        compute: Where, a device by its name.
        recipe: With the epochs and rate of the head.
        rows: (N, D) maps of the training images as they are.
        engine: Gives those of varied ones.
        by: When all of it has to be over, as `time.perf_counter` tells it; None for no matter when.
    """
    pupil = _HeadPupil(task, compute, recipe, rows, engine)
    why = "" if by is None else pupil.within(by)
    return LearningArm(pupil.begin(), pupil.history, pupil, why)


def tuned_arm_of_boxes(
    task: BoxTask, compute: Compute, recipe: BoxRecipe, start: BoxArm
) -> LearningArm:
    """Trains network and head together from where another way left the head (LP-FT).

    Args:
        task: What is learnt from.
        compute: Where, a device by its name.
        recipe: How.
        start: Whose head it begins with (Kumar et al., ICLR 2022).
    """
    compute.begin("fine-tuned arm: building the network")
    pupil = _TunedPupil(task, compute, recipe, start.start)
    return LearningArm(pupil.begin(), pupil.history, pupil)
