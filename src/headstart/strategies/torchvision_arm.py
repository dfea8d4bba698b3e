"""One of torchvision's detectors over the run's network, trained as it is published.

New layers and network learn together from the first step (AdamW, warm-up and one cycle, gradients
clipped, BatchNorm frozen), with torchvision's matching and losses; `--strategy probe` leaves the
network as it is. Everything around that is as for our own ways: what is varied, which images are
held out, calibration, threshold, and how a training goes on.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast, get_args

import numpy as np
import torch

from headstart.choices import BoxDetector
from headstart.compute import Compute
from headstart.fingerprint import fingerprint_json
from headstart.images.inputs import InputImages
from headstart.images.pixels import cpu_count
from headstart.nets.backbone import Backbone
from headstart.nets.torchvision_net import Answered, build_torchvision, torchvision_head_of
from headstart.nets.torchvision_plan import TorchvisionPlan
from headstart.nets.trainable import TrainableModel
from headstart.strategies.box_arms import BoxTask, LearningArm
from headstart.strategies.box_choice import BoxArm
from headstart.strategies.box_find import chosen_boxes, joined_found
from headstart.strategies.box_held import BoxOperating, HeldBoxes
from headstart.strategies.box_training import BoxLesson, train_on
from headstart.strategies.finetune import keep_network
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.tasks.protocol import Outputs
from headstart.training.record import Epoch

__all__ = ["named_arm", "named_kind", "named_lesson", "named_recipe"]

_WORDS = {
    "fasterrcnn": "Faster R-CNN", "retinanet": "RetinaNet", "fcos": "FCOS", "ssd": "SSD",
    "ssdlite": "SSDlite",
}  # fmt: skip
# From which overlap on torchvision takes two boxes for one object.
_OVERLAPS = {"fasterrcnn": 0.5, "retinanet": 0.5, "fcos": 0.6, "ssd": 0.45, "ssdlite": 0.55}
_EPOCHS, _LONGEST, _STEPS = 30, 60, 600
_BATCH = 16


def named_kind(options: dict[str, Any]) -> BoxDetector | None:
    """Returns which of torchvision's detectors a training was asked for; None for ours.

    Args:
        options: Of the verb, as it was told.
    """
    given = options.get("detector")
    return cast(BoxDetector, given) if given in get_args(BoxDetector) else None


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
    }  # fmt: skip
    if options.get("strategy") == "probe":
        wanted["freeze"] = "head"
    said = {pair.partition("=")[0].strip() for pair in (options.get("recipe") or "").split(",")}
    if options.get("epochs", "auto") != "auto":
        said.add("epochs")
    return replace(recipe, **{name: each for name, each in wanted.items() if name not in said})


class _Pupil:
    """Trains a detector of a task, and goes on with it."""

    def __init__(
        self, task: BoxTask, compute: Compute, recipe: BoxRecipe, kind: BoxDetector
    ) -> None:
        self.task, self.compute, self.recipe, self.kind = task, compute, recipe, kind
        self.history: dict[str, tuple[Epoch, ...]] = {}
        layout = task.layout
        plan = TorchvisionPlan.over(
            kind, tuple(shape[0] for shape in layout.shapes), layout.strides,
            task.material.n_classes, layout.size,
        )  # fmt: skip
        self.net = build_torchvision(plan, seed=compute.seed)
        self.module = TrainableModel(task.backbone.copy(), task.material.preprocess, None, self.net)
        self.module.fuse()
        self.lesson = BoxLesson(
            self.module, plan, np.zeros((0, 3), np.float32), task.scenes, task.strata,
            losses=_losses,
        )  # fmt: skip

    def train(self, name: str, own: np.ndarray, recipe: BoxRecipe, phase: str) -> None:
        mark = [name, recipe.said, own.tolist(), self.compute.seed, *self.task.mark()]
        self.history[name] = train_on(
            self.lesson, own, recipe, self.compute, name=name, phase=phase,
            fingerprint=fingerprint_json(mark), states=self.task.states,
        )  # fmt: skip

    def begin(self) -> BoxArm:
        """Learns on all but one fold, and is measured there."""
        begun, task, recipe = time.perf_counter(), self.task, self.recipe
        self.train(self.kind, task.own, recipe, f"{self.kind} arm")
        held, operating = None, BoxOperating()
        if len(task.held):
            self.compute.begin(f"{self.kind} arm: measuring on held-out training images")
            held = HeldBoxes(task.held, self.find(task.held), f"1 of {task.folds[1]} folds")
            operating = held.operating(task.material)
        over = "on the frozen" if recipe.freeze == "head" else "together with"
        summary = (
            f"torchvision's {_WORDS[self.kind]} trained {over} {task.backbone.name} for "
            f"{recipe.epochs} epochs, input {task.layout.size} px"
        )
        return BoxArm(
            self.kind, summary, torchvision_head_of(self.net), task.backbone, task.layout.size,
            held, operating, time.perf_counter() - begun, recipe.epochs,
        )  # fmt: skip

    def finish(self, arm: BoxArm) -> BoxArm:
        """Learns on with all images; returns the arm to keep."""
        begun, recipe = time.perf_counter(), self.recipe
        if arm.held is not None and recipe.onward:
            epochs = max(1, math.ceil(recipe.onward * recipe.epochs))
            onward = replace(recipe, epochs=epochs, lr=recipe.lr * recipe.onward_lr)
            everything = np.arange(len(self.task.material))
            self.train(f"{self.kind}-all", everything, onward, f"{self.kind} arm, with all images")
        backbone = self.keep()
        seconds = arm.seconds + time.perf_counter() - begun
        return replace(arm, head=torchvision_head_of(self.net), backbone=backbone, seconds=seconds)

    def keep(self) -> Backbone:
        """Returns the network that its head reads, as it was trained."""
        place = self.task.states.checkpoints.folder
        assert place is not None, "whoever trains a network keeps states"
        place = place / "backbones" / self.task.states.checkpoints.prefix
        self.module.cpu()
        return keep_network(self.module.pool.network, self.task.backbone, place)

    def find(self, rows: np.ndarray) -> Outputs:
        """Returns what it finds on some of the training images as they are."""
        task, device = self.task, self.compute.device
        images = InputImages(
            task.prepared.dataset.take(task.material.items[rows]), task.material.preprocess,
            workers=self.compute.workers,
        )  # fmt: skip
        self.module.eval()

        def found(part: range) -> Outputs:
            with torch.inference_mode():
                pixels = torch.from_numpy(np.stack([images[row] for row in part])).to(device)
                scores, boxes = (each.cpu().numpy() for each in self.module(pixels))
                return chosen_boxes(boxes, scores, self.recipe, task.most)

        size = 1 if device == "cpu" else _BATCH
        parts = [range(at, min(at + size, len(rows))) for at in range(0, len(rows), size)]
        before = torch.get_num_threads()
        torch.set_num_threads(1 if device == "cpu" else before)
        try:
            with ThreadPoolExecutor(cpu_count() if device == "cpu" else 1) as pool:
                return joined_found(list(pool.map(found, parts)))
        finally:
            torch.set_num_threads(before)


def _losses(answered: Any, targets: Any) -> torch.Tensor:
    assert isinstance(answered, Answered), "a detector under training waits for what is there"
    return answered.losses(targets)


def named_lesson(
    task: BoxTask, compute: Compute, recipe: BoxRecipe, kind: BoxDetector
) -> BoxLesson:
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
