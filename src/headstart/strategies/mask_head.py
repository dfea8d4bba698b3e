"""The head arm of masks: a small decoder on the maps of a frozen network, trained on varied views.

One fold of the training images is held out while the head learns on the others: that is what it
is compared by, and what its probabilities are calibrated on. Where it is kept it learns on from
there with all of them, for a quarter of the steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import starmap
from typing import cast

import numpy as np
import torch

from headstart.compute import Compute
from headstart.data.masks import Masks
from headstart.fingerprint import fingerprint_bytes, fingerprint_json
from headstart.images.inputs import InputImages
from headstart.images.preprocess import Preprocess
from headstart.nets.backbone import Backbone, pick_device
from headstart.nets.batch import Batch
from headstart.nets.dense import DenseNet, head_of
from headstart.nets.engine import Engine, stream
from headstart.nets.loader import Key, Rest
from headstart.nets.map_net import MapNet
from headstart.nets.maps import MapLayout, map_layout, maps_engine
from headstart.nets.warp import Warp
from headstart.probe.dense_linear import map_moments
from headstart.probe.dense_scores import confusions, dense_temperature
from headstart.probe.dense_targets import class_weights, mask_square
from headstart.strategies.mask_arms import Arm, HeldCounts, plan_of
from headstart.strategies.mask_material import MaskMaterial
from headstart.strategies.problem import Prepared
from headstart.tasks.segmentation.learn import batches, correct, head, loss
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.checkpoint import Checkpoints
from headstart.training.loop import Training
from headstart.training.map_views import MapViews, Scenes
from headstart.training.objective import Objective
from headstart.training.record import Epoch, OnEpoch

__all__ = ["HeadArm", "HeadTask", "head_arm", "large_squares"]

# Views are made of squares this much larger than the network's input.
_ROOM = 1.25
_VIEW_BYTES = 2 << 30
# What a head learns on for with all images, and how fast, once it is kept.
_ONWARD, _ONWARD_RATE = 0.25, 0.3


@dataclass(frozen=True)
class HeadTask:
    """What a head learns, on what, and how.

    Attributes:
        prepared: The usable items.
        material: Masks of the N training items.
        backbone: Frozen.
        preprocess: How images are fitted, at the head's own size.
        recipe: How it is trained.
    """

    prepared: Prepared
    material: MaskMaterial
    backbone: Backbone
    preprocess: Preprocess
    recipe: MaskRecipe


@dataclass(frozen=True)
class HeadArm:
    """A head under way.

    Attributes:
        arm: As it is after learning on all but one fold.
        finish: Lets it learn on with all images; returns the arm to keep.
        history: Name of a training -> its epochs; filled as they end.
        place: Where the maps of its views are and how large, for people.
    """

    arm: Arm
    finish: _Finish
    history: dict[str, tuple[Epoch, ...]]
    place: str


def head_arm(
    task: HeadTask,
    folds: tuple[np.ndarray, int],
    compute: Compute,
    *,
    checkpoints: Checkpoints,
    on_epoch: OnEpoch | None = None,
) -> HeadArm:
    """Trains a head on all but one fold of the training images.

    Args:
        task: What is learnt, on what, and how.
        folds: (N,) int, which fold holds an image out; and how many there are.
        compute: Where, and from which seed.
        checkpoints: Where states are kept for resuming.
        on_epoch: Called with the name of a training and every epoch.
    """
    begun = time.perf_counter()
    compute = replace(compute, device=pick_device(compute.device))
    material, preprocess = task.material, task.preprocess
    work = _Work(task, compute)
    of, k = folds
    held = np.flatnonzero(of == 0) if k > 1 else np.zeros(0, int)
    own = np.flatnonzero(of != 0) if k > 1 else np.arange(len(of))
    history: dict[str, tuple[Epoch, ...]] = {}
    finish = _Finish(work, checkpoints, on_epoch, history)
    finish.train("head", own, task.recipe, "head arm")
    measured, temperature = None, 1.0
    if len(held):
        compute.begin("head arm: measuring on held-out training images")
        scores = work.scores(finish.net.head, held)
        measured = HeldCounts(held, confusions(scores, material.truth[held]), f"1 of {k} folds")
        temperature = dense_temperature(scores, material.truth[held])
    arm = Arm(
        "head", work.summary, head_of(finish.net.head), task.backbone, preprocess.size, temperature,
        measured, time.perf_counter() - begun,
    )  # fmt: skip
    finish.arm = arm
    return HeadArm(arm, finish, history, work.views.maps.place)


class _Work:
    """What the trainings of a head share."""

    def __init__(self, task: HeadTask, compute: Compute) -> None:
        prepared, material, recipe = task.prepared, task.material, task.recipe
        backbone, preprocess = task.backbone, task.preprocess
        items, count = material.items, len(material.items)
        self.material, self.recipe, self.compute = material, recipe, compute
        compute.begin(f"head arm: the frozen network at {preprocess.size} px")
        self.engine: Engine = maps_engine(
            backbone, preprocess, images=count * recipe.views, device=compute.device
        )
        self.layout: MapLayout = map_layout(backbone, preprocess)
        plan = plan_of("pyramid", self.layout, 4, material.n_classes, width=recipe.width)
        self.plan, self.stride = plan, plan.stride
        self.inputs = InputImages(
            prepared.dataset.take(items), preprocess, workers=compute.workers,
            progress=compute.progress,
        )  # fmt: skip
        self.strata = prepared.dataset.labels.strata[items]
        row = 2 * (self.layout.bounds[-1] - self.layout.bounds[plan.stages[0]])
        views = int(np.clip(_VIEW_BYTES // (row * count), 1, recipe.views))
        squares, masks = large_squares(task, compute)
        self.mark = [self.inputs.keys.tobytes().hex(), fingerprint_bytes(masks.tobytes()).hex()]
        mirror = recipe.hflip != "no"
        self.views = MapViews(
            self.engine, self.layout, plan.stages[0],
            Scenes(
                squares, masks, material.n_classes, plan.stride,
                Warp(preprocess.size, mirror=mirror),
            ),
            count=min(views, recipe.epochs), compute=compute,
        )  # fmt: skip
        pixels = material.fine.sum(axis=(0, 2, 3), dtype=np.float64)
        self.weights = class_weights(pixels, recipe.balance)
        self.summary = (
            f"a top-down head of {plan.width} channels on {len(plan.stages)} frozen stages of "
            f"{backbone.name}, input {preprocess.size} px, answers every {plan.stride} px"
        )

    def start(self) -> MapNet:
        """Returns the head at its start, standardised by the first view's maps."""
        first = self.plan.stages[0]
        rows = np.concatenate([rows for _, rows in self._rows(range(min(48, len(self.inputs))))])
        own = rows[:, self.layout.bounds[first] :].astype(np.float16)
        moments = map_moments(self.views.layout, own)
        module = head(self.plan, self.plan.n_classes, moments, seed=self.compute.seed)
        return MapNet(module, self.views.layout)

    def _rows(self, items: range | np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        size = self.engine.batch
        parts = [np.asarray(items[at : at + size]) for at in range(0, len(items), size)]
        pixels = ((part, np.stack([self.inputs[int(i)] for i in part])) for part in parts)
        return stream(self.engine, pixels)

    def scores(self, net: DenseNet, items: np.ndarray) -> np.ndarray:
        """Returns (n, C, h, w) float16 scores of some training images as they are."""
        net.eval()
        with torch.inference_mode():

            def score(_: np.ndarray, rows: np.ndarray) -> np.ndarray:
                return net(self.layout.split(torch.from_numpy(rows))).half().numpy()

            return np.concatenate(list(starmap(score, self._rows(items))))


class _Finish:
    """Trains the head of some work, and goes on with it."""

    arm: Arm

    def __init__(
        self,
        work: _Work,
        checkpoints: Checkpoints,
        on_epoch: OnEpoch | None,
        history: dict[str, tuple[Epoch, ...]],
    ) -> None:
        self._work, self._checkpoints, self._on_epoch = work, checkpoints, on_epoch
        self._history = history
        self.net = work.start()

    def __call__(self) -> Arm:
        """Learns on with all images; returns the arm to keep."""
        begun = time.perf_counter()
        work, recipe = self._work, self._work.recipe
        epochs = max(1, math.ceil(_ONWARD * recipe.epochs))
        onward = replace(recipe, epochs=epochs, lr=recipe.lr * _ONWARD_RATE)
        if self.arm.held is not None:  # else it has learnt from all of them already
            everything = np.arange(len(work.inputs))
            self.train("head-all", everything, onward, "head arm, with all images")
        seconds = self.arm.seconds + time.perf_counter() - begun
        return replace(self.arm, head=head_of(self.net.head), seconds=seconds)

    def train(self, name: str, own: np.ndarray, recipe: MaskRecipe, phase: str) -> None:
        """Trains on some of the images, and leaves the averaged weights in the net."""
        work, views = self._work, self._work.views

        def several(keys: Rest) -> Iterator[Batch]:
            return views.batches(cast(Rest, _Renumbered(keys, own)))

        told = None
        if self._on_epoch is not None:
            hear = self._on_epoch

            def told(epoch: Epoch) -> None:
                hear(name, epoch)

        training = Training(
            cast("object", self.net),  # type: ignore[arg-type]
            recipe, work.inputs,
            Objective(
                batches(work.strata[own], recipe, work.compute.seed),
                loss(recipe, work.weights), correct,
            ),
            None, work.compute, phase=phase, on_epoch=told, stream=several,
        )  # fmt: skip
        mark = [name, recipe.said, own.tolist(), work.weights.tolist(), work.layout.bounds]
        mark += [work.compute.seed, *work.mark]
        self._checkpoints.run(training, name=name, fingerprint=fingerprint_json(mark))
        if training.ema:
            training.put(training.ema)
        self._history[name] = tuple(training.history)


class _Renumbered:
    """Batches whose items are positions among all images, not among some of them."""

    def __init__(self, keys: Rest, own: np.ndarray) -> None:
        self._keys, self._own = keys, own

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[list[Key]]:
        for part in self._keys:
            yield [
                (int(self._own[item]), epoch, before, seed) for item, epoch, before, seed in part
            ]


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
    told = np.empty((len(items), large.size, large.size), np.uint8)
    for at, item in enumerate(items.tolist()):
        width, height = int(stats.widths[item]), int(stats.heights[item])
        matrix = large.matrix(width, height)
        told[at] = mask_square(masks.read(item), matrix, large.size, width, height)
    return np.stack([images[at] for at in range(len(items))]), told
