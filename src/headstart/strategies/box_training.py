"""Training of whatever finds boxes: a head on cached maps, or network and head together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from headstart.compute import Compute
from headstart.images.threads import ordered_map
from headstart.nets.batch import Batch
from headstart.nets.box_head import BoxPlan
from headstart.nets.loader import Key, Rest
from headstart.nets.torchvision_plan import TorchvisionPlan
from headstart.strategies.box_material import BoxScenes
from headstart.tasks.detection.learn import batches, correct, loss
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.training.checkpoint import Checkpoints
from headstart.training.gradient import LossFunction
from headstart.training.loop import Training
from headstart.training.map_views import MapViews
from headstart.training.objective import Objective
from headstart.training.record import Epoch, OnEpoch

__all__ = ["BoxLesson", "begin_boxes", "fresh_views", "seconds_a_step", "train_on"]

_WARM, _TIMED = 1, 3


@dataclass(frozen=True)
class BoxLesson:
    """What is learnt from.

    Attributes:
        net: Trained in place: (n, …) of the loop's batches to the (n, A, K) of `BoxNet.raw`.
        plan: Of its head.
        cells: (A, 3) of its input.
        scenes: The N training images.
        strata: (N,) int, the rarest class of each.
        views: Maps of cached views, in the place of pixels; None for pixels.
        losses: Of what the net gives, where that is not the (n, A, K) of `BoxNet.raw`.
    """

    net: nn.Module
    plan: BoxPlan | TorchvisionPlan
    cells: np.ndarray
    scenes: BoxScenes
    strata: np.ndarray
    views: MapViews | None = None
    losses: LossFunction | None = None


def train_on(
    lesson: BoxLesson,
    own: np.ndarray,
    recipe: BoxRecipe,
    compute: Compute,
    *,
    name: str = "boxes",
    phase: str = "learning boxes",
    fingerprint: str = "",
    states: BoxStates | None = None,
) -> tuple[Epoch, ...]:
    """Trains on some of the images, and leaves the averaged weights in the net.

    Args:
        lesson: What is learnt from.
        own: (n,) int, which of the N images.
        recipe: How.
        compute: Where (a device by its name), and from which seed.
        name: Of the training, as its state is kept.
        phase: What it is called.
        fingerprint: Of all that decides it, for its state.
        states: Where that is kept, and who hears of epochs; None for nowhere and nobody.

    Returns:
        What its epochs did.
    """
    states = states or BoxStates()
    told = None
    if states.on_epoch is not None:
        hear = states.on_epoch

        def told(epoch: Epoch) -> None:
            hear(name, epoch)

    training = begin_boxes(lesson, own, recipe, compute, phase=phase, on_epoch=told)
    states.checkpoints.run(training, name=name, fingerprint=fingerprint)
    if training.ema:
        training.put(training.ema)
    return tuple(training.history)


@dataclass(frozen=True)
class BoxStates:
    """Where states of trainings are kept, and who hears of epochs."""

    checkpoints: Checkpoints = field(default_factory=lambda: Checkpoints(None))
    on_epoch: OnEpoch | None = None


def begin_boxes(
    lesson: BoxLesson,
    own: np.ndarray,
    recipe: BoxRecipe,
    compute: Compute,
    *,
    phase: str,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Training:
    """Returns a training at its start; see `train_on`."""

    def stream(keys: Rest) -> Iterator[Batch]:
        renumbered = cast(Rest, _Renumbered(keys, own))
        if lesson.views is not None:
            return lesson.views.batches(renumbered)
        return fresh_views(lesson.scenes, renumbered, compute)

    return Training(
        cast(Any, lesson.net), recipe, cast(Any, None),
        Objective(
            batches(lesson.strata[own], recipe, compute.seed),
            lesson.losses or loss(recipe, (cast(BoxPlan, lesson.plan), lesson.cells)),
            None if lesson.losses else correct,
        ),
        None, compute, phase=phase, on_epoch=on_epoch, stream=stream,
    )  # fmt: skip


def fresh_views(scenes: BoxScenes, keys: Rest, compute: Compute) -> Iterator[Batch]:
    """Yields batches of images that are varied anew every time.

    Args:
        scenes: The images.
        keys: Which, in which batch.
        compute: The seed of what is drawn, and how many draw beside the training.
    """

    def draw(part: list[Key]) -> Batch:
        found = [
            scenes.draw(item, np.random.default_rng([compute.seed, epoch, item, before, 7]))
            for item, epoch, before, _ in part
        ]
        images = torch.from_numpy(np.stack([image for image, _ in found]))
        items = np.array([key[0] for key in part])
        return Batch(images, items, scenes.collate([wanted for _, wanted in found]))

    beside = 1 if compute.device == "cpu" else None
    yield from ordered_map(draw, cast(Any, keys), workers=beside)


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


def seconds_a_step(
    lesson: BoxLesson, own: np.ndarray, recipe: BoxRecipe, compute: Compute
) -> float:
    """Returns how long a step of a training takes; the net stays as it is.

    Args:
        lesson: What is learnt from.
        own: (n,) int, which of the images.
        recipe: How.
        compute: Where.
    """
    import time

    endless = replace(recipe, epochs=1_000)
    training = begin_boxes(lesson, own, endless, compute, phase="timing steps of fine-tuning")
    training.run(until=_WARM)
    begun = time.perf_counter()
    training.run(until=_WARM + _TIMED)
    seconds = time.perf_counter() - begun
    training.put(training.start)
    lesson.net.zero_grad()
    return seconds / _TIMED
