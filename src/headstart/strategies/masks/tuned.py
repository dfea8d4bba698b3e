"""The fine-tuned arm of masks: network and head learn together, on windows at full resolution.

Far from photographs, where thin things tell (cell walls, cracks), what a network has learnt of
photographs must move, and its early layers most. Windows cut at full resolution are many images
out of few.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headstart.compute import Compute
from headstart.images.inputs import InputImages
from headstart.images.pixels import cpu_count
from headstart.images.preprocess import Preprocess
from headstart.images.tiles import answered_by_tiles
from headstart.nets.batches.loader import Key
from headstart.nets.learning.trainable import TrainableModel
from headstart.nets.masks.net import DenseNet, head_of
from headstart.nets.masks.pixel_head import PixelHead, PixelPlan
from headstart.nets.masks.warp import Warp
from headstart.nets.pretrained.backbone import Backbone, pick_device
from headstart.nets.pretrained.maps import MapLayout, map_layout, stage_maps
from headstart.nets.stages import one_thread
from headstart.probe.dense_linear import map_moments
from headstart.probe.dense_targets import class_weights
from headstart.strategies.finetuning.finetune import keep_network
from headstart.strategies.masks.arms import plan_of
from headstart.strategies.masks.course import Course
from headstart.strategies.masks.head import HeadTask, large_squares, marked
from headstart.strategies.placed.lesson import Lesson, States
from headstart.strategies.placed.problem import Folds
from headstart.tasks.segmentation.learn import correct, head, loss
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.map_views import Scenes, fresh_views

__all__ = ["LearntFrom", "Tuned", "of_windows", "tuned_arm"]

_WINDOW = 256
_STRIDES = {"unet": 2, "pyramid": 4}
_SEEN = 1600  # windows that are learnt from, where there is time
_BACKBONE_RATE = 0.3
_LEAST = 1e-6  # of a probability whose logarithm is a score


@dataclass(frozen=True)
class LearntFrom:
    """What is learnt from.

    Attributes:
        windows: Of 256 px, cut out at full resolution; else whole images.
        any_side_up: Whether images have no upright, as under a microscope.
    """

    windows: bool
    any_side_up: bool = False

    def warp(self, side: int, *, mirror: bool) -> Warp:
        """Returns how views are varied.

        Args:
            side: Of a view in pixels.
            mirror: Whether left and right may be exchanged.
        """
        if not self.windows:
            return Warp(side, mirror=mirror)
        return Warp(
            side, scale=1.25, turn=20.0 if self.any_side_up else 10.0, mirror=mirror,
            any_side_up=self.any_side_up, window=side, reflect=True,
        )  # fmt: skip


def of_windows(recipe: MaskRecipe, images: int) -> MaskRecipe:
    """Returns a recipe with as many epochs as windows want, which show much of few images.

    Args:
        recipe: Whose epochs nobody named.
        images: To learn from.
    """
    most = math.ceil(_SEEN / max(1, images))
    return replace(recipe, epochs=max(1, min(most, recipe.epochs)))


def tuned_arm(
    task: HeadTask,
    folds: Folds,
    compute: Compute,
    states: States,
    *,
    place: Path,
    any_side_up: bool = True,
) -> Course:
    """Trains network and head on all but one fold of the training images.

    Args:
        task: What is learnt, on what, and how; its size is that of whole images.
        folds: Of the N training images.
        compute: Where, and from which seed.
        states: Where states are kept, and how long it may take.
        place: Where the trained network is kept until the run is written.
        any_side_up: Whether images have no upright, as under a microscope.
    """
    begun, compute = time.perf_counter(), replace(compute, device=pick_device(compute.device))
    learner = Tuned(task, compute, place, LearntFrom(windows=True, any_side_up=any_side_up))
    course = Course(learner, compute, states.since(begun), forced=task.forced)
    return course.begin(folds, task.material.truth)


class Tuned:
    """Network and head, and the views that they learn from; see `mask_course.Learning`.

    Args:
        task: What is learnt, on what, and how; its size is that of whole images.
        compute: Where, a device by its name, and from which seed.
        home: Where the trained network is kept until the run is written; None where it stays as
            it is.
        look: What is learnt from.
    """

    name = "fine-tuned"
    views, place, fewest = 0, "", 3

    def __init__(
        self, task: HeadTask, compute: Compute, home: Path | None, look: LearntFrom
    ) -> None:
        compute.begin(f"{self.name} arm: building the network")
        self._compute, self._home, self.backbone = compute, home, task.backbone
        preprocess, material = task.preprocess, task.material
        self.size, self.tile = preprocess.size, preprocess.tile
        self.recipe = self.adapted(task.recipe)
        self.seen = min(_WINDOW, preprocess.size) if look.windows else preprocess.size
        small = replace(preprocess, size=self.seen, tile=None)
        layout = map_layout(task.backbone, small)
        plan = self.plan_over(layout, material.n_classes)
        self._scenes, self.inputs = self.shown(task, plan, look)
        self._head = self.begun_head(plan, layout, small)
        self.net = TrainableModel(task.backbone.copy(), small, None, self._head)
        self.net.fuse()
        pixels = material.fine.sum(axis=(0, 2, 3), dtype=np.float64)
        self.weights = class_weights(pixels, task.recipe.balance)
        self.lesson = Lesson(
            self.net, task.prepared.dataset.labels.strata[material.items],
            lambda keys: fresh_views(self._scenes, keys, compute),
            lambda recipe: loss(recipe, self.weights), correct,
        )  # fmt: skip
        self.mark: list[Any] = [self.inputs.keys.tobytes().hex(), marked(self._scenes.masks)]
        on = f"windows of {self.seen} px" if look.windows else "whole images"
        tiles = f" in tiles of {self.tile} px" if self.tile else ""
        self.summary = (
            f"{self.called(plan)} on {on}, input {preprocess.size} px{tiles}, answers every "
            f"{plan.stride} px"
        )

    def adapted(self, asked: MaskRecipe) -> MaskRecipe:
        """Returns a recipe as network and head together want it.

        Args:
            asked: With all that was said.
        """
        rate = max(asked.backbone_lr, _BACKBONE_RATE)
        return replace(asked, backbone_lr=rate, freeze="none")

    def plan_over(self, layout: MapLayout, n_classes: int) -> PixelPlan:
        """Returns what the head is made of.

        Args:
            layout: Of all stages of the network.
            n_classes: C.
        """
        kind = self.recipe.decoder
        if kind == "auto":
            kind = "unet" if len(layout.shapes) > 1 else "pyramid"
        width = self.recipe.inside(kind)
        return plan_of(kind, layout, _STRIDES[kind], n_classes, width=width)

    def shown(self, task: HeadTask, plan: Any, look: LearntFrom) -> tuple[Scenes, InputImages]:
        """Returns what views are made of, and the images as they are.

        Args:
            task: What is learnt.
            plan: Of `plan_over`.
            look: What is learnt from.
        """
        compute, material = self._compute, task.material
        warp = look.warp(self.seen, mirror=self.recipe.hflip != "no")
        room = {"room": 1.0} if look.windows else {}
        squares, masks = large_squares(task, compute, **room)
        images = InputImages(
            task.prepared.dataset.take(material.items), task.preprocess, workers=compute.workers
        )
        return Scenes(squares, masks, material.n_classes, plan.stride, warp), images

    def begun_head(self, plan: Any, layout: MapLayout, small: Preprocess) -> DenseNet:
        """Returns the head at its start.

        Args:
            plan: Of `plan_over`.
            layout: Likewise.
            small: How what is learnt from becomes pixels.
        """
        first = plan.stages[0]
        moments = map_moments(layout.since(first), self._rows(small, layout.bounds[first]))
        return head(plan, plan.n_classes, moments, seed=self._compute.seed)

    def called(self, plan: Any) -> str:
        """Returns what is trained, for people, as far as "trained together"."""
        kind = "a top-down head" if plan.kind == "pyramid" else "a U-Net's decoder"
        return f"{self.backbone.name} and {kind} of {plan.width} channels trained together"

    def _rows(self, small: Preprocess, start: int) -> np.ndarray:
        """Returns the maps of some windows as the pretrained network gives them."""
        pool = stage_maps(self.backbone, small)
        some: list[Key] = [(at, 0, 0, 0) for at in range(min(16, len(self._scenes)))]
        [batch] = fresh_views(self._scenes, [some], self._compute)
        with torch.inference_mode():
            return pool(batch.images)[:, start:].half().numpy()

    def see(self, view: int) -> object:
        """Makes nothing: every view is made when it is needed."""

    def scores(self, items: np.ndarray) -> np.ndarray:
        """Returns (n, C, h, w) float16 scores of some training images, whole."""
        self.net.eval()

        def run(images: np.ndarray) -> dict[str, np.ndarray]:
            with torch.inference_mode():
                found = self.net(torch.from_numpy(images[:, 0].copy()).to(self._compute.device))
                told = found.softmax(1) if self.tile else found  # scores of tiles have no mean
                return {"": told.float().cpu().numpy()}

        def score(item: int) -> np.ndarray:
            given = self.inputs[item][None, None]
            if self.tile is None:
                return run(given)[""][0].astype(np.float16)
            blended = answered_by_tiles(run, given, self.tile)[""][0]
            return np.log(blended.clip(_LEAST)).astype(np.float16)

        if self._compute.device != "cpu":  # every thread would load the libraries of the GPU anew
            return np.stack([score(item) for item in items.tolist()])
        with one_thread(), ThreadPoolExecutor(cpu_count()) as pool:
            return np.stack(list(pool.map(score, items.tolist())))

    def head(self) -> PixelHead:
        """Returns the head as it is."""
        return head_of(self._head)

    def network(self) -> Backbone:
        """Returns the network; one that has learnt is written so that it can be opened."""
        if self._home is None:
            return self.backbone
        return keep_network(self.net.pool.network, self.backbone, self._home)
