"""`SummedGradient`: the gradient of a loss of a whole batch that sums over its images decide.

Each thread sums over its share of the batch; the loss is of all sums together, and its slopes at
the sums go back through each share. That is the gradient of the whole, exactly, though threads
exchange a few numbers only.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, runtime_checkable

import torch

from headstart.errors import OptionError
from headstart.nets.batches.batch import Batch, part_of
from headstart.nets.learning.trainable import TrainableModel
from headstart.training.gradient import (
    Watch,
    autocast,
    is_no_memory,
    seed_from,
    seed_torch,
    split_batch,
    sum_gradients,
    watched_sums,
)

__all__ = ["SummedGradient", "SummedLoss"]


@runtime_checkable
class SummedLoss(Protocol):
    """A loss of a batch in two steps."""

    def sums(self, outputs: torch.Tensor, targets: Any) -> torch.Tensor:
        """Returns (S,) sums over some images of the batch."""

    def loss(self, sums: torch.Tensor, count: int) -> torch.Tensor:
        """Returns the mean loss of an image, from the sums over all `count` of them."""


class SummedGradient:
    """The gradient of such a loss in the first of some replicas.

    Args:
        replicas: Networks on the same weights; each computes a share of every batch.
        loss: Of a batch.
        watch: What else is counted of each image, or None.
        seed: Of dropout.
        device: Where the replicas are.
    """

    def __init__(
        self,
        replicas: list[TrainableModel],
        loss: SummedLoss,
        *,
        watch: Watch | None = None,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self._replicas, self._loss, self._watch = replicas, loss, watch
        self._seed, self._device = seed, device

    def of(self, batch: Batch, step: int, pool: ThreadPoolExecutor) -> dict[str, float]:
        """Leaves the gradient of the mean loss in the first replica.

        Args:
            batch: n images and their targets, on the device.
            step: What is drawn follows from it.
            pool: One thread for each replica.

        Returns:
            n times the loss, and sums over the images of what is watched. Where the loss is not a
            finite number there is no gradient.

        Raises:
            OptionError: If memory is too small for the batch.
        """
        for net in self._replicas:
            net.train()
        seed_torch(seed_from(self._seed, step))
        try:
            return self._backward(batch, pool)
        except RuntimeError as error:
            if not is_no_memory(error):
                raise
            raise OptionError(
                f"memory is too small to train on {len(batch.items)} images at a time: choose a "
                f"smaller --image-size, a smaller --backbone or --recipe batch=1 ({error})"
            ) from None

    def _backward(self, batch: Batch, pool: ThreadPoolExecutor) -> dict[str, float]:
        n = len(batch.items)
        parts = split_batch(n, len(self._replicas))

        def forward(number: int) -> tuple[torch.Tensor, dict[str, float]]:
            part = parts[number]
            with autocast(self._device):
                outputs = self._replicas[number](batch.images[part])
            targets = part_of(batch.targets, part)
            watched = watched_sums(self._watch, outputs, targets)
            return self._loss.sums(outputs.float(), targets), watched

        def run(job: Any) -> list[Any]:
            numbers = range(len(parts))
            return list(pool.map(job, numbers)) if len(parts) > 1 else [job(0)]

        found = run(forward)
        whole = torch.stack([sums.detach() for sums, _ in found]).sum(0).requires_grad_()
        loss = self._loss.loss(whole, n)
        value = float(loss.detach())
        if math.isfinite(value):
            loss.backward()
            run(lambda number: found[number][0].backward(whole.grad))
            sum_gradients(self._replicas)
        names = found[0][1]
        return {"loss": value * n} | {
            name: sum(watched[name] for _, watched in found) for name in names
        }
