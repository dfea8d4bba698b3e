"""The trained ways of finding boxes: a head on frozen maps, and network and head together.

One fold of the training images is held out while they learn on the others: that is what they are
compared by, calibrated on, and what the operating threshold is chosen on. What is kept learns on
from there with all images.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
from torch import nn

from headstart.compute import Compute
from headstart.fingerprint import fingerprint_json
from headstart.images.inputs import InputImages
from headstart.nets.backbone import Backbone
from headstart.nets.batch import Batch
from headstart.nets.box_head import BoxHead, BoxPlan, grid
from headstart.nets.box_net import BoxNet, BoxRows, box_head_of, box_net_of
from headstart.nets.engine import Engine
from headstart.nets.loader import Rest
from headstart.nets.map_net import MapNet
from headstart.nets.maps import MapLayout
from headstart.nets.trainable import TrainableModel
from headstart.probe.dense_linear import map_moments
from headstart.strategies.box_choice import BoxArm
from headstart.strategies.box_find import found_on_images, found_on_maps
from headstart.strategies.box_held import BoxOperating, HeldBoxes
from headstart.strategies.box_material import BoxMaterial, BoxScenes
from headstart.strategies.finetune import keep_network
from headstart.strategies.lesson import Lesson, States
from headstart.strategies.placed_problem import Folds
from headstart.strategies.problem import Prepared
from headstart.tasks.detection.learn import correct, loss
from headstart.tasks.detection.learn import head as new_head
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.tasks.protocol import Outputs
from headstart.training.map_views import MapViews, fresh_views
from headstart.training.record import Epoch

__all__ = [
    "BoxTask",
    "LearningArm",
    "head_arm_of_boxes",
    "lesson_of",
    "pyramid_plan",
    "tuned_arm_of_boxes",
]

_STRIDES = (8, 32)
# Distances reach so far, in sides of the input, from the coarsest cells.
_REACH = 0.7


@dataclass(frozen=True)
class BoxTask:
    """What is learnt, on what, and how.

    Attributes:
        prepared: The usable items.
        material: Boxes of the N training items.
        backbone: The given network.
        layout: Of its maps.
        scenes: The training images, to be varied.
        folds: Which of them are held out.
        recipe: How.
        most: Boxes of an image.
        states: Where states are kept, and who hears.
    """

    prepared: Prepared
    material: BoxMaterial
    backbone: Backbone
    layout: MapLayout
    scenes: BoxScenes
    folds: Folds
    recipe: BoxRecipe
    most: int
    states: States

    @property
    def strata(self) -> np.ndarray:
        """(N,) int, the rarest class of each image."""
        return self.prepared.dataset.labels.strata[self.material.items]

    def mark(self) -> list[Any]:
        """Returns what decides a training beside its recipe and images, ready for JSON."""
        boxes = [each.tolist() for each in self.scenes.boxes]
        kinds = [each.tolist() for each in self.scenes.classes]
        keys = getattr(self.scenes.squares, "keys", np.zeros(0, np.uint8))
        return [self.backbone.fingerprint, self.layout.size, keys.tobytes().hex(), boxes, kinds]


@dataclass
class LearningArm:
    """A way under way.

    Attributes:
        arm: As it is after learning on all but one fold.
        history: Name of a training -> its epochs; filled as they end.
    """

    arm: BoxArm
    history: dict[str, tuple[Epoch, ...]]
    _more: _Pupil = field(repr=False)

    def finish(self) -> BoxArm:
        """Lets it learn on with all images; returns the arm to keep."""
        return self._more.finish(self.arm)


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


class _Pupil:
    """Trains one net of a task, and goes on with it."""

    name, phase = "", ""

    def __init__(self, task: BoxTask, compute: Compute, recipe: BoxRecipe) -> None:
        self.task, self.compute, self.recipe = task, compute, recipe
        self.history: dict[str, tuple[Epoch, ...]] = {}
        self.summary = ""
        self.net: BoxNet
        self.lesson: Lesson
        self.cells: np.ndarray

    def find(self, rows: np.ndarray) -> Outputs:
        """Returns what it finds on some of the training images as they are."""
        raise NotImplementedError

    def keep(self) -> Backbone:
        """Returns the network that its head reads."""
        return self.task.backbone

    def train(self, name: str, own: np.ndarray, recipe: BoxRecipe, phase: str) -> None:
        mark = [name, recipe.said, own.tolist(), self.compute.seed, *self.task.mark()]
        mark.append({key: float(each.sum()) for key, each in self.begun.items()})
        self.history[name] = self.lesson.learn(
            own, recipe, self.compute, name=name, phase=phase, fingerprint=fingerprint_json(mark),
            states=self.task.states,
        )  # fmt: skip

    def teach(self, module: nn.Module, batches: Callable[[Rest], Iterator[Batch]]) -> None:
        """Says what is trained, and on which batches."""
        plan, task = self.net.plan, self.task
        self.cells = cells_of(plan, task.layout)
        self.lesson = Lesson(
            module, task.strata, batches, lambda recipe: loss(recipe, (plan, self.cells)), correct
        )

    @property
    def begun(self) -> dict[str, np.ndarray]:
        """Weights of the head that it begins from, where another way gave them."""
        return {}

    def begin(self) -> BoxArm:
        """Learns on all but one fold, and is measured there."""
        begun, task = time.perf_counter(), self.task
        self.train(self.name, task.folds.own, self.recipe, f"{self.phase} arm")
        held, operating = None, BoxOperating()
        if len(task.folds.held):
            self.compute.begin(f"{self.phase} arm: measuring on held-out training images")
            held = HeldBoxes(task.folds.held, self.find(task.folds.held), task.folds.said)
            operating = held.operating(task.material)
        return BoxArm(
            self.phase, self.summary, box_head_of(self.net), task.backbone, task.layout.size, held,
            operating, time.perf_counter() - begun, self.recipe.epochs,
        )  # fmt: skip

    def finish(self, arm: BoxArm) -> BoxArm:
        begun, recipe = time.perf_counter(), self.recipe
        if arm.held is not None and recipe.onward:
            onward = recipe.shortened(recipe.onward, recipe.onward_lr)
            everything = np.arange(len(self.task.material))
            self.train(f"{self.name}-all", everything, onward, f"{self.phase} arm, with all images")
        backbone = self.keep()
        seconds = arm.seconds + time.perf_counter() - begun
        return replace(arm, head=box_head_of(self.net), backbone=backbone, seconds=seconds)


class _HeadPupil(_Pupil):
    name, phase = "head", "head"

    def __init__(
        self, task: BoxTask, compute: Compute, recipe: BoxRecipe, rows: np.ndarray, engine: Engine
    ) -> None:
        super().__init__(task, compute, recipe)
        self.rows = rows
        plan = pyramid_plan(task.layout, task.material.n_classes, recipe)
        first = plan.stages[0]
        views = MapViews(
            engine, task.layout, first, task.scenes, count=min(recipe.views, recipe.epochs),
            compute=compute,
        )  # fmt: skip
        held = rows[:, task.layout.bounds[first] :]
        means, stds = map_moments(views.layout, held)
        read = [stage - first for stage in plan.stages]
        start = [means[each] for each in read], [stds[each] for each in read]
        self.net = new_head(plan, plan.n_classes, start, seed=compute.seed)
        self.teach(MapNet(BoxRows(self.net), views.layout), views.batches)
        self.summary = (
            f"a top-down head of {plan.width} channels on {len(plan.stages)} frozen stages of "
            f"{task.backbone.name}, input {task.layout.size} px"
        )

    def find(self, rows: np.ndarray) -> Outputs:
        return found_on_maps(
            self.net, self.task.layout, self.rows[rows], self.recipe, self.task.most
        )


class _TunedPupil(_Pupil):
    name, phase = "tuned", "fine-tuned"

    def __init__(self, task: BoxTask, compute: Compute, recipe: BoxRecipe, head: BoxHead) -> None:
        super().__init__(task, compute, recipe)
        self.head = head
        self.net = box_net_of(head)
        module = TrainableModel(
            task.backbone.copy(), task.material.preprocess, None, BoxRows(self.net)
        )
        module.fuse()
        self.module = module
        self.teach(module, lambda keys: fresh_views(task.scenes, keys, compute))
        self.summary = (
            f"{task.backbone.name} and its head trained together for {recipe.epochs} epochs, input "
            f"{task.layout.size} px"
        )

    @property
    def begun(self) -> dict[str, np.ndarray]:
        return self.head.arrays

    def find(self, rows: np.ndarray) -> Outputs:
        task = self.task
        images = InputImages(
            task.prepared.dataset.take(task.material.items[rows]), task.material.preprocess,
            workers=self.compute.workers,
        )  # fmt: skip
        return found_on_images(
            cast(nn.Module, self.module), self.net.plan, images, range(len(rows)), self.recipe,
            cells=self.cells, most=task.most, device=self.compute.device,
        )  # fmt: skip

    def keep(self) -> Backbone:
        place = self.task.states.checkpoints.folder
        assert place is not None, "whoever trains a network keeps states"
        place = place / "backbones" / self.task.states.checkpoints.prefix
        self.module.cpu()
        return keep_network(self.module.pool.network, self.task.backbone, place)


def lesson_of(task: BoxTask, start: BoxArm, compute: Compute) -> Lesson:
    """Returns what fine-tuning from some head would learn, on a network of its own.

    Args:
        task: What is learnt from.
        start: Whose head it begins with.
        compute: Where.
    """
    return _TunedPupil(task, compute, task.recipe, start.start).lesson


def head_arm_of_boxes(
    task: BoxTask, compute: Compute, recipe: BoxRecipe, *, rows: np.ndarray, engine: Engine
) -> LearningArm:
    """Trains a new head on the maps of a frozen network, on all but one fold.

    Args:
        task: What is learnt from.
        compute: Where, a device by its name.
        recipe: With the epochs and rate of the head.
        rows: (N, D) maps of the training images as they are.
        engine: Gives those of varied ones.
    """
    pupil = _HeadPupil(task, compute, recipe, rows, engine)
    return LearningArm(pupil.begin(), pupil.history, pupil)


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
