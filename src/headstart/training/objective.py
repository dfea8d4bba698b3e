"""`Objective`: what a training is for. The loop itself does not know what is predicted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headstart.nets.loader import Plan
from headstart.training.gradient import BatchGradient, LossFunction, Watch

__all__ = ["Objective"]


@dataclass(frozen=True)
class Objective:
    """What a task gives the training loop.

    Attributes:
        plan: Which items are in which batch, and what the loss wants of each.
        loss: Of each image; what `gradient` does not need may be None.
        watch: What else is averaged over the images of an epoch, or None. Under the name of a
            field of `Epoch` it is that field, else it is one of `Epoch.others`.
        gradient: Replicas of the network to what computes the gradient of a loss of whole
            batches (pairs of images); None: `loss` is of single images.
    """

    plan: Plan
    loss: LossFunction | None = None
    watch: Watch | None = None
    gradient: Callable[[list[Any]], BatchGradient] | None = None
