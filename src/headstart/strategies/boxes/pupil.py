"""Whoever learns boxes: on all but one fold, is measured there, and learns on with all images."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from headstart.compute import Compute
from headstart.fingerprint import fingerprint_json
from headstart.images.inputs import InputImages
from headstart.nets.heads.map_head import MapHead
from headstart.nets.learning.trainable import TrainableModel
from headstart.nets.pretrained.backbone import Backbone
from headstart.nets.pretrained.maps import MapLayout
from headstart.strategies.boxes.choice import BoxArm
from headstart.strategies.boxes.find import found_on_images
from headstart.strategies.boxes.held import BoxOperating, HeldBoxes
from headstart.strategies.boxes.material import BoxMaterial, BoxScenes
from headstart.strategies.finetuning.finetune import keep_network
from headstart.strategies.placed.lesson import Lesson, States
from headstart.strategies.placed.pace import Pace
from headstart.strategies.placed.problem import Folds
from headstart.strategies.problem import Prepared
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.tasks.placed_learn import epoch_steps
from headstart.tasks.protocol import Outputs
from headstart.training.record import Epoch

__all__ = ["BoxTask", "LearningArm", "Pupil", "kept_network"]


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
        pace: Of fine-tuning, where a budget cuts it.
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
    pace: Pace | None = None

    @property
    def strata(self) -> np.ndarray:
        """(N,) int, the rarest class of each image."""
        return self.prepared.dataset.labels.strata[self.material.items]

    def per_epoch(self, recipe: BoxRecipe) -> int:
        """Returns the steps of an epoch without the fold that is held out."""
        return epoch_steps(self.strata[self.folds.own], recipe)

    def mark(self) -> list[Any]:
        """Returns what decides a training beside its recipe and images, ready for JSON."""
        boxes = [each.tolist() for each in self.scenes.boxes]
        kinds = [each.tolist() for each in self.scenes.classes]
        keys = getattr(self.scenes.squares, "keys", np.zeros(0, np.uint8))
        return [self.backbone.fingerprint, self.layout.size, keys.tobytes().hex(), boxes, kinds]


class Pupil:
    """Trains one net of a task, and goes on with it.

    Args:
        task: What is learnt from.
        compute: Where, a device by its name.
        recipe: How.

    Attributes:
        name: Of its training, as states are kept.
        phase: What it is called.
        history: Name of a training -> its epochs; filled as they end.
        lesson: What is learnt.
    """

    name, phase = "", ""

    def __init__(self, task: BoxTask, compute: Compute, recipe: BoxRecipe) -> None:
        self.task, self.compute, self.recipe = task, compute, recipe
        self.history: dict[str, tuple[Epoch, ...]] = {}
        self.lesson: Lesson

    def head(self) -> MapHead:
        """Returns what it has learnt until now."""
        raise NotImplementedError

    def find(self, rows: np.ndarray) -> Outputs:
        """Returns what it finds on some of the training images as they are."""
        raise NotImplementedError

    def find_on(
        self, rows: np.ndarray, tell: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
    ) -> Outputs:
        """Returns what is found on some of the training images by what tells of pixels."""
        task = self.task
        images = InputImages(
            task.prepared.dataset.take(task.material.items[rows]), task.material.preprocess,
            workers=self.compute.workers,
        )  # fmt: skip
        return found_on_images(
            tell, images, range(len(rows)), self.recipe, most=task.most, device=self.compute.device
        )

    def keep(self) -> Backbone:
        """Returns the network that its head reads."""
        return self.task.backbone

    def train(
        self, name: str, own: np.ndarray, recipe: BoxRecipe, phase: str, pace: Pace | None = None
    ) -> int:
        """Trains on some of the images, notes what its epochs did, and returns its steps."""
        mark = [name, recipe.said, own.tolist(), self.compute.seed, *self.task.mark()]
        mark.append({key: float(each.sum()) for key, each in self.begun.items()})
        self.history[name], steps = self.lesson.learn(
            own, recipe, self.compute, name=name, phase=phase, fingerprint=fingerprint_json(mark),
            states=self.task.states, pace=pace,
        )  # fmt: skip
        return steps

    @property
    def summary(self) -> str:
        """One sentence."""
        return ""

    @property
    def passes(self) -> float:
        """Epochs of its training, the last of which may be a part of one."""
        return self.recipe.passes(self.task.per_epoch(self.recipe))

    @property
    def begun(self) -> dict[str, np.ndarray]:
        """Weights of the head that it begins from, where another way gave them."""
        return {}

    def begin(self) -> BoxArm:
        """Learns on all but one fold, and is measured there."""
        begun, task = time.perf_counter(), self.task
        own = task.folds.own
        steps = self.train(self.name, own, self.recipe, f"{self.phase} arm", task.pace)
        if self.recipe.most_steps:
            self.recipe = replace(self.recipe, most_steps=steps)
        held, operating = None, BoxOperating()
        if len(task.folds.held):
            self.compute.begin(f"{self.phase} arm: measuring on held-out training images")
            held = HeldBoxes(task.folds.held, self.find(task.folds.held), task.folds.said)
            operating = held.operating(task.material)
        return BoxArm(
            self.phase, self.summary, self.head(), task.backbone, task.layout.size, held,
            operating, time.perf_counter() - begun, self.passes,
        )  # fmt: skip

    def finish(self, arm: BoxArm) -> BoxArm:
        """Learns on with all images; returns the arm to keep."""
        begun, recipe = time.perf_counter(), self.recipe
        if arm.held is not None and recipe.onward:
            onward = recipe.shortened(recipe.onward, recipe.onward_lr)
            everything = np.arange(len(self.task.material))
            self.train(f"{self.name}-all", everything, onward, f"{self.phase} arm, with all images")
        backbone = self.keep()
        seconds = arm.seconds + time.perf_counter() - begun
        return replace(arm, head=self.head(), backbone=backbone, seconds=seconds)


@dataclass
class LearningArm:
    """A way under way.

    Attributes:
        arm: As it is after learning on all but one fold.
        history: Name of a training -> its epochs; filled as they end.
        more: Who learns on.
        cut: How long its epochs take, where a budget cut them; else "".
    """

    arm: BoxArm
    history: dict[str, tuple[Epoch, ...]]
    more: Pupil = field(repr=False)
    cut: str = ""

    def finish(self) -> BoxArm:
        """Lets it learn on with all images; returns the arm to keep."""
        return self.more.finish(self.arm)


def kept_network(module: TrainableModel, task: BoxTask) -> Backbone:
    """Returns the network of a trained module, kept beside the states of its training.

    Args:
        module: On the CPU afterwards.
        task: Whose states.
    """
    place = task.states.checkpoints.folder
    assert place is not None, "whoever trains a network keeps states"
    place = place / "backbones" / task.states.checkpoints.prefix
    module.cpu()
    return keep_network(module.pool.network, task.backbone, place)
