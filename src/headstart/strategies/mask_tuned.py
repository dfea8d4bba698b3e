"""The fine-tuned arm of masks: network and head learn together, on windows at full resolution.

Far from photographs, where thin things tell (cell walls, cracks), what a network has learnt of
photographs must move, and its early layers most. Windows cut at full resolution are many images
out of few.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headstart.compute import Compute
from headstart.images.inputs import InputImages
from headstart.images.pixels import cpu_count
from headstart.images.preprocess import Preprocess
from headstart.nets.backbone import Backbone, pick_device
from headstart.nets.dense import head_of
from headstart.nets.dense_head import DenseHead
from headstart.nets.loader import Key
from headstart.nets.maps import map_layout, stage_maps
from headstart.nets.stages import one_thread
from headstart.nets.trainable import TrainableModel
from headstart.nets.warp import Warp
from headstart.probe.dense_linear import map_moments
from headstart.probe.dense_targets import class_weights
from headstart.strategies.finetune import keep_network
from headstart.strategies.lesson import Lesson, States
from headstart.strategies.mask_arms import plan_of
from headstart.strategies.mask_course import Course
from headstart.strategies.mask_head import HeadTask, large_squares, marked
from headstart.strategies.placed_problem import Folds
from headstart.tasks.segmentation.learn import correct, head, loss
from headstart.training.map_views import Scenes, fresh_views

__all__ = ["tuned_arm"]

_WINDOW = 256
_STRIDES = {"unet": 2, "pyramid": 4}
_SEEN = 1600  # windows that are learnt from, where there is time
_BACKBONE_RATE = 0.3


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
    learner = _Tuned(task, compute, place, any_side_up=any_side_up)
    return Course(learner, compute, states.since(begun)).begin(folds, task.material.truth)


class _Tuned:
    """Network and head, and the windows that they learn from; see `mask_course.Learning`."""

    name = "fine-tuned"
    views, place = 0, ""

    def __init__(self, task: HeadTask, compute: Compute, place: Path, *, any_side_up: bool) -> None:
        compute.begin("fine-tuned arm: building the network")
        self._compute, self._home, self.backbone = compute, place, task.backbone
        preprocess, material, asked = task.preprocess, task.material, task.recipe
        self.size, window = preprocess.size, min(_WINDOW, preprocess.size)
        per_epoch = max(1, len(material.items))
        self.recipe = replace(
            asked, backbone_lr=max(asked.backbone_lr, _BACKBONE_RATE),
            epochs=max(1, min(math.ceil(_SEEN / per_epoch), asked.epochs)), freeze="none",
        )  # fmt: skip
        warp = Warp(
            window, scale=1.25, turn=20.0 if any_side_up else 10.0, mirror=asked.hflip != "no",
            any_side_up=any_side_up, window=window, reflect=True,
        )  # fmt: skip
        squares, masks = large_squares(task, compute, room=1.0)
        self.inputs = InputImages(
            task.prepared.dataset.take(material.items), preprocess, workers=compute.workers
        )
        small = replace(preprocess, size=window)
        layout = map_layout(task.backbone, small)
        kind = "unet" if asked.decoder == "auto" and len(layout.shapes) > 1 else asked.decoder
        kind = "pyramid" if kind == "auto" else kind
        width, classes = asked.inside(kind), material.n_classes
        plan = plan_of(kind, layout, _STRIDES[kind], classes, width=width)
        self._scenes = Scenes(squares, masks, classes, plan.stride, warp)
        first = plan.stages[0]
        moments = map_moments(layout.since(first), self._rows(small, layout.bounds[first]))
        self._head = head(plan, classes, moments, seed=compute.seed)
        self.net = TrainableModel(task.backbone.copy(), small, None, self._head)
        self.net.fuse()
        pixels = material.fine.sum(axis=(0, 2, 3), dtype=np.float64)
        self.weights = class_weights(pixels, asked.balance)
        self.lesson = Lesson(
            self.net, task.prepared.dataset.labels.strata[material.items],
            lambda keys: fresh_views(self._scenes, keys, compute),
            lambda recipe: loss(recipe, self.weights), correct,
        )  # fmt: skip
        self.mark: list[Any] = [self.inputs.keys.tobytes().hex(), marked(masks)]
        called = "a top-down head" if kind == "pyramid" else "a U-Net's decoder"
        self.summary = (
            f"{task.backbone.name} and {called} of {width} channels trained together on windows "
            f"of {window} px, input {preprocess.size} px, answers every {plan.stride} px"
        )

    def _rows(self, small: Preprocess, start: int) -> np.ndarray:
        """Returns the maps of some windows as the pretrained network gives them."""
        pool = stage_maps(self.backbone, small)
        some: list[Key] = [(at, 0, 0, 0) for at in range(min(16, len(self._scenes)))]
        [batch] = fresh_views(self._scenes, [some], self._compute)
        with torch.inference_mode():
            return pool(batch.images)[:, start:].half().numpy()

    def scores(self, items: np.ndarray) -> np.ndarray:
        """Returns (n, C, h, w) float16 scores of some training images, whole."""
        self.net.eval()

        def score(item: int) -> np.ndarray:
            with torch.inference_mode():
                image = torch.from_numpy(self.inputs[item][None].copy()).to(self._compute.device)
                return self.net(image)[0].float().cpu().half().numpy()

        with one_thread(), ThreadPoolExecutor(cpu_count()) as pool:
            return np.stack(list(pool.map(score, items.tolist())))

    def head(self) -> DenseHead:
        """Returns the head as it is."""
        return head_of(self._head)

    def network(self) -> Backbone:
        """Returns the network, which is written so that it can be opened."""
        return keep_network(self.net.pool.network, self.backbone, self._home)
