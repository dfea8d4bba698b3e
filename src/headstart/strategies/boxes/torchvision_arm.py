"""One of torchvision's detectors over the run's network, trained as it is published.

New layers and network learn together from the first step (AdamW, warm-up and one cycle, gradients
clipped, BatchNorm frozen), with torchvision's matching and losses; `--strategy probe` leaves the
network as it is. Everything around that is as for our own ways: what is varied, which images are
held out, calibration, threshold, and how a training goes on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from headstart.choices import BoxDetector
from headstart.compute import Compute
from headstart.nets.heads.map_head import MapHead
from headstart.nets.learning.trainable import TrainableModel
from headstart.nets.pretrained.backbone import Backbone
from headstart.nets.torchvision.build import build_torchvision
from headstart.nets.torchvision.coco import adopt, coco_head
from headstart.nets.torchvision.head import TorchvisionHead, torchvision_head_of
from headstart.nets.torchvision.net import Unmatched
from headstart.nets.torchvision.plan import TorchvisionPlan
from headstart.strategies.boxes.input import named_kind
from headstart.strategies.boxes.pupil import BoxTask, LearningArm, Pupil, kept_network
from headstart.strategies.placed.input import names_epochs
from headstart.strategies.placed.lesson import Lesson
from headstart.tasks.detection.learn import correct
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.tasks.protocol import Outputs
from headstart.training.map_views import fresh_views
from headstart.training.schedule import names_in

__all__ = [
    "begun_with",
    "named_arm",
    "named_lesson",
    "named_recipe",
]

_WORDS = {
    "fasterrcnn": "Faster R-CNN", "retinanet": "RetinaNet", "fcos": "FCOS", "ssd": "SSD",
    "ssdlite": "SSDlite",
}  # fmt: skip
# From which overlap on torchvision takes two boxes for one object.
_OVERLAPS = {"fasterrcnn": 0.5, "retinanet": 0.5, "fcos": 0.6, "ssd": 0.45, "ssdlite": 0.55}
_EPOCHS, _LONGEST, _STEPS, _BATCH = 30, 60, 600, 8


def named_recipe(recipe: BoxRecipe, options: dict[str, Any]) -> BoxRecipe:
    """Returns a recipe as the detector that was asked for wants it, but for what was said.

    Args:
        recipe: Of boxes, with all that was said.
        options: Of the verb, as it was told.
    """
    kind = named_kind(options)
    if kind is None:
        return recipe
    wanted: dict[str, Any] = {
        "overlap": _OVERLAPS[kind], "epochs": _EPOCHS, "longest": _LONGEST, "steps": _STEPS,
        "batch": _BATCH,
    }  # fmt: skip
    if options.get("strategy") == "probe":
        wanted["freeze"] = "head"
    said = names_in(options.get("recipe")) | ({"epochs"} if names_epochs(options) else set())
    return replace(recipe, **{name: each for name, each in wanted.items() if name not in said})


class _Pupil(Pupil):
    """Trains a detector of a task, and goes on with it."""

    def __init__(
        self, task: BoxTask, compute: Compute, recipe: BoxRecipe, kind: BoxDetector
    ) -> None:
        super().__init__(task, compute, recipe)
        self.name = self.phase = kind
        layout = task.layout
        plan = TorchvisionPlan.over(
            kind, tuple(shape[0] for shape in layout.shapes), layout.strides,
            task.material.n_classes, layout.size,
        )  # fmt: skip
        begun = begun_with(task.backbone, kind)
        if begun is not None:
            plan = replace(plan, least=begun[0].plan.least)
        self.net = build_torchvision(plan, seed=compute.seed)
        if begun is not None:
            adopt(self.net, *begun, task.material.names)
        self.module = TrainableModel(task.backbone.copy(), task.material.preprocess, None, self.net)
        self.module.fuse()
        self.lesson = Lesson(
            self.module, task.strata, lambda keys: fresh_views(task.scenes, keys, compute),
            lambda _: _losses, correct,
        )  # fmt: skip
        self.frozen = recipe.freeze == "head"
        self.kind = kind

    @property
    def summary(self) -> str:
        """As `Pupil.summary`."""
        task, over = self.task, "on the frozen" if self.frozen else "together with"
        return (
            f"torchvision's {_WORDS[self.kind]} trained {over} {task.backbone.name} for "
            f"{self.passes:g} epochs, input {task.layout.size} px"
        )

    def head(self) -> MapHead:
        return torchvision_head_of(self.net)

    def keep(self) -> Backbone:
        return self.task.backbone if self.frozen else kept_network(self.module, self.task)

    def find(self, rows: np.ndarray) -> Outputs:
        self.module.eval()
        return self.find_on(rows, self.module)


def begun_with(
    backbone: Backbone, kind: BoxDetector
) -> tuple[TorchvisionHead, tuple[str, ...]] | None:
    """Returns the detector that a backbone was trained with, and its class names.

    Args:
        backbone: Of the run.
        kind: None where it was another, or there was none.
    """
    folder = backbone.source.path
    found = None if folder is None or not folder.is_dir() else coco_head(folder)
    return None if found is None or found[0].kind != kind else found


def _losses(answered: Any, targets: Any) -> torch.Tensor:
    assert isinstance(answered, Unmatched), "a detector under training waits for what is there"
    return answered.losses(targets)


def named_lesson(task: BoxTask, compute: Compute, recipe: BoxRecipe, kind: BoxDetector) -> Lesson:
    """Returns what a detector would learn, on a network of its own.

    Args:
        task: What is learnt from.
        compute: Where.
        recipe: How.
        kind: Which.
    """
    return _Pupil(task, compute, recipe, kind).lesson


def named_arm(task: BoxTask, compute: Compute, recipe: BoxRecipe, kind: BoxDetector) -> LearningArm:
    """Trains one of torchvision's detectors on all but one fold.

    Args:
        task: What is learnt from.
        compute: Where, a device by its name.
        recipe: How.
        kind: Which.
    """
    compute.begin(f"{kind} arm: building the network")
    pupil = _Pupil(task, compute, recipe, kind)
    return LearningArm(pupil.begin(), pupil.history, pupil)
