"""`Objective`: what a training is for. The loop itself does not know what is predicted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headstart.compute import Compute
from headstart.nets.batches.loader import Plan
from headstart.training.gradient import BatchGradient, Gradient, LossFunction, Watch
from headstart.training.summed import SummedGradient, SummedLoss

__all__ = ["Objective"]


@dataclass(frozen=True)
class Objective:
    """What a task gives the training loop.

    Attributes:
        plan: Which items are in which batch, and what the loss wants of each.
        loss: Of each image, or of a whole batch by sums over its images; what `gradient` does not
            need may be None.
        watch: What else is averaged over the images of an epoch, or None. Under the name of a
            field of `Epoch` it is that field, else it is one of `Epoch.others`.
        gradient: Replicas of the network to what computes the gradient of a loss of whole
            batches (pairs of images); None: `loss` is of single images.
    """

    plan: Plan
    loss: LossFunction | SummedLoss | None = None
    watch: Watch | None = None
    gradient: Callable[[list[Any]], BatchGradient] | None = None

    def gradient_of(
        self, replicas: list[Any], compute: Compute, *, accumulate: int = 1
    ) -> BatchGradient:
        """Returns what computes the gradient of a batch.

        Args:
            replicas: Networks on the same weights.
            compute: Where they are (a device by its name), and the seed of dropout.
            accumulate: See `Gradient`; a loss of whole batches is computed at once.
        """
        if self.gradient is not None:
            return self.gradient(replicas)
        assert self.loss is not None, "a training needs a loss"
        seed, device = compute.seed, compute.device
        if isinstance(self.loss, SummedLoss):
            return SummedGradient(replicas, self.loss, watch=self.watch, seed=seed, device=device)
        return Gradient(
            replicas, self.loss, watch=self.watch, accumulate=accumulate, seed=seed, device=device
        )
