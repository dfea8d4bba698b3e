"""The head arm of masks: a decoder on the maps of a frozen network, trained on varied views."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import starmap
from typing import Any, cast

import numpy as np
import torch

from headstart.compute import Compute
from headstart.data.masks.masks import Masks
from headstart.features.extract_maps import new_rows
from headstart.fingerprint import fingerprint_bytes
from headstart.images.inputs import InputImages
from headstart.images.preprocess import Preprocess
from headstart.nets.engines.engine import Engine, stream
from headstart.nets.learning.map_net import MapNet
from headstart.nets.masks.head import DenseHead
from headstart.nets.masks.net import head_of
from headstart.nets.masks.warp import Warp
from headstart.nets.pretrained.backbone import Backbone, pick_device
from headstart.nets.pretrained.maps import MapLayout, map_layout, maps_engine
from headstart.probe.dense_linear import map_moments
from headstart.probe.dense_targets import class_weights, mask_square
from headstart.strategies.masks.arms import plan_of
from headstart.strategies.masks.course import Course
from headstart.strategies.masks.material import MaskMaterial
from headstart.strategies.placed.lesson import Lesson, States
from headstart.strategies.placed.problem import Folds
from headstart.strategies.problem import Prepared
from headstart.tasks.segmentation.learn import correct, head, loss
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.map_views import MapViews, Scenes

__all__ = ["HeadLearner", "HeadTask", "head_arm", "large_squares", "marked"]

# Views are made of squares this much larger than the network's input.
_ROOM = 1.25
_VIEW_BYTES = 2 << 30


@dataclass(frozen=True)
class HeadTask:
    """What a head learns, on what, and how.

    Attributes:
        prepared: The usable items.
        material: Masks of the N training items.
        backbone: Frozen.
        preprocess: How images are fitted, at the head's own size.
        recipe: How it is trained.
        forced: Whether it is, however small the budget, because it was asked for.
    """

    prepared: Prepared
    material: MaskMaterial
    backbone: Backbone
    preprocess: Preprocess
    recipe: MaskRecipe
    forced: bool = False


def head_arm(task: HeadTask, folds: Folds, compute: Compute, states: States) -> Course:
    """Trains a head on all but one fold of the training images.

    Args:
        task: What is learnt, on what, and how.
        folds: Of the N training images.
        compute: Where, and from which seed.
        states: Where states are kept, and how long it may take.
    """
    begun, compute = time.perf_counter(), replace(compute, device=pick_device(compute.device))
    learner = HeadLearner(task, compute)
    course = Course(learner, compute, states.since(begun), forced=task.forced)
    return course.begin(folds, task.material.truth)


class HeadLearner:
    """A head and the varied views that it learns from; see `mask_course.Learning`.

    Args:
        task: What is learnt, on what, and how.
        compute: Where, a device by its name, and from which seed.

    Attributes:
        task: As given.
        scenes: What views are made of.
    """

    name = "head"
    tile: int | None = None
    fewest = 3

    def __init__(self, task: HeadTask, compute: Compute) -> None:
        self.task, prepared, material, recipe = task, task.prepared, task.material, task.recipe
        backbone, preprocess = task.backbone, task.preprocess
        items, count = material.items, len(material.items)
        self.backbone, self.recipe, self.size = backbone, recipe, preprocess.size
        compute.begin(f"head arm: the frozen network at {preprocess.size} px")
        self._engine: Engine = maps_engine(
            backbone, preprocess, images=count * recipe.views, device=compute.device
        )
        self._layout: MapLayout = map_layout(backbone, preprocess)
        kind = "pyramid" if recipe.decoder == "auto" else recipe.decoder
        width = recipe.inside(kind)
        plan = plan_of(kind, self._layout, 4, material.n_classes, width=width)
        self.inputs = InputImages(
            prepared.dataset.take(items), preprocess, workers=compute.workers,
            progress=compute.progress,
        )  # fmt: skip
        row = 2 * (self._layout.bounds[-1] - self._layout.bounds[plan.stages[0]])
        views = int(np.clip(_VIEW_BYTES // (row * count), 1, recipe.views))
        self.views = min(views, recipe.epochs)
        squares, masks = large_squares(task, compute)
        self.scenes = Scenes(
            squares, masks, material.n_classes, max(1, plan.stride // 2),
            Warp(preprocess.size, mirror=recipe.hflip != "no"),
        )  # fmt: skip
        self._views = MapViews(
            self._engine, self._layout, plan.stages[0], self.scenes,
            count=self.views, compute=compute,
        )  # fmt: skip
        keys = self.inputs.keys.tobytes().hex()
        self.mark: list[Any] = [keys, marked(masks), self._layout.bounds]
        self.place = self._views.maps.place
        pixels = material.fine.sum(axis=(0, 2, 3), dtype=np.float64)
        self.weights = class_weights(pixels, recipe.balance)
        called = "top-down head" if kind == "pyramid" else "U-Net's decoder"
        self.summary = (
            f"a {called} of {width} channels on {len(plan.stages)} frozen stages of "
            f"{backbone.name}, input {preprocess.size} px, answers every {plan.stride} px"
        )
        self._plan = plan
        self.net = self._start(compute.seed)
        self.lesson = Lesson(
            self.net, prepared.dataset.labels.strata[items], self._views.batches,
            lambda recipe: loss(recipe, self.weights), correct,
        )  # fmt: skip

    def _start(self, seed: int) -> MapNet:
        """Returns the head at its start, standardised by the first images' maps."""
        first = self._plan.stages[0]
        rows = np.concatenate([rows for _, rows in self._rows(range(min(48, len(self.inputs))))])
        own = rows[:, self._layout.bounds[first] :].astype(np.float16)
        moments = map_moments(self._views.layout, own)
        module = head(self._plan, self._plan.n_classes, seed=seed)
        return MapNet(module, self._views.layout, moments)

    def _rows(self, items: range | np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        size = self._engine.batch
        parts = [np.asarray(items[at : at + size]) for at in range(0, len(items), size)]
        pixels = ((part, np.stack([self.inputs[int(i)] for i in part])) for part in parts)
        return stream(self._engine, pixels)

    def see(self, view: int) -> object:
        """Computes the maps of a view, unless they are there."""
        return self._views.see(view)

    def scores(self, items: np.ndarray) -> np.ndarray:
        """Returns (n, C, h, w) float16 scores of some training images as they are."""
        self.net.eval()
        device = next(self.net.parameters()).device
        with torch.inference_mode():

            def score(_: np.ndarray, rows: np.ndarray) -> np.ndarray:
                held = torch.from_numpy(rows[:, self._layout.bounds[self._plan.stages[0]] :])
                return self.net(held.to(device)).cpu().half().numpy()

            return np.concatenate(list(starmap(score, self._rows(items))))

    def head(self) -> DenseHead:
        """Returns the head as it is."""
        return head_of(self.net.deployed())

    def network(self) -> Backbone:
        """Returns what it reads, which is as it was."""
        return self.backbone


def large_squares(
    task: HeadTask, compute: Compute, *, room: float = _ROOM
) -> tuple[np.ndarray, np.ndarray]:
    """Returns what views are made of.

    Args:
        task: What is learnt.
        compute: Who hears of progress.
        room: Side of the squares, in sides of the input.

    Returns:
        (N, side, side, 3) uint8 images and (N, side, side) uint8 masks, 255 ignored.
    """
    prepared, items = task.prepared, task.material.items
    large = replace(task.preprocess, size=round(task.preprocess.size * room))
    masks, stats = cast(Masks, prepared.dataset.labels), prepared.stats
    images = InputImages(
        prepared.dataset.take(items), large, workers=compute.workers, progress=compute.progress
    )
    compute.begin("reading the masks again, larger")
    side = large.size
    squares, told = (
        new_rows((len(items), side, side, *rest), np.uint8, "images to vary")[0]
        for rest in ((3,), ())
    )
    for at, item in enumerate(items.tolist()):
        width, height = int(stats.widths[item]), int(stats.heights[item])
        matrix = large.matrix(width, height)
        told[at] = mask_square(masks.read(item), matrix, side, width, height)
        squares[at] = images[at]
    return squares, told


def marked(masks: np.ndarray) -> str:
    """Returns the fingerprint of (N, side, side) uint8 masks."""
    prints = [fingerprint_bytes(each.tobytes()) for each in masks]
    return fingerprint_bytes(b"".join(prints)).hex()
