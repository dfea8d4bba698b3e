"""`Gradient`: the gradient of one batch, computed by several threads or in several parts."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import torch

from headstart.errors import OptionError
from headstart.nets.batches.batch import Batch, part_of
from headstart.nets.learning.trainable import TrainableModel

__all__ = [
    "BatchGradient",
    "Gradient",
    "LossFunction",
    "Watch",
    "autocast",
    "is_no_memory",
    "seed_from",
    "seed_torch",
    "split_batch",
    "sum_gradients",
    "watched_sums",
]

LossFunction = Callable[[torch.Tensor, Any], torch.Tensor]
"""Outputs of n images and their targets to (n,) float: one number an image."""

Watch = Callable[[torch.Tensor, Any], dict[str, torch.Tensor]]
"""Outputs of n images and their targets to (n,) numbers by name, such as which are correct."""


def autocast(device: str) -> contextlib.AbstractContextManager[object]:
    """Returns the context in which a network runs: bfloat16 where CUDA has it."""
    if device == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return contextlib.nullcontext()


def seed_from(*numbers: int) -> int:
    """Returns one seed that follows from some numbers, such as a run's seed and a step.

    Args:
        numbers: Each at least 0.
    """
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def seed_torch(seed: int) -> None:
    """Seeds what torch draws, on the processor and on whatever device is there.

    `torch.manual_seed` by itself notes for every kind of device that may come yet by whom it was
    called, for ever: where none is there, each step would pay for that with milliseconds.

    Args:
        seed: At least 0.
    """
    if torch.accelerator.is_available():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


class BatchGradient(Protocol):
    """What the training loop asks for the gradient of a batch."""

    def of(self, batch: Batch, step: int, pool: ThreadPoolExecutor) -> dict[str, float]:
        """Leaves the gradient of the mean loss in the first replica; see `Gradient.of`."""


class Gradient:
    """The gradient of a loss of single images, in the first of some replicas.

    Args:
        replicas: Networks on the same weights; each computes a share of every batch.
        loss: Of each image.
        watch: What else is counted of each image, or None.
        accumulate: Parts that each replica's share is computed in.
        seed: Of dropout.
        device: Where the replicas are.

    Attributes:
        accumulate: Doubles where memory runs out: the gradient stays the same.
    """

    def __init__(
        self,
        replicas: list[TrainableModel],
        loss: LossFunction,
        *,
        watch: Watch | None = None,
        accumulate: int = 1,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self._replicas, self._loss, self._watch = replicas, loss, watch
        self._seed, self._device = seed, device
        self.accumulate = accumulate

    def of(self, batch: Batch, step: int, pool: ThreadPoolExecutor) -> dict[str, float]:
        """Leaves the gradient of the mean loss in the first replica.

        Args:
            batch: n images and their targets, on the device.
            step: What is drawn follows from it.
            pool: One thread for each replica.

        Returns:
            Sums over the images: ``"loss"``, and what is watched. Where the loss is not a finite
            number the gradient is of no use.

        Raises:
            OptionError: If memory is too small for one image at a time.
        """
        for net in self._replicas:
            net.train()
        while True:
            seed_torch(seed_from(self._seed, step))
            try:
                sums = self._backward(batch, pool)
                break
            except RuntimeError as error:
                if not is_no_memory(error):
                    raise
                self._make_smaller(len(batch.items), error)
        if math.isfinite(sums["loss"]):
            sum_gradients(self._replicas)
        return sums

    def _backward(self, batch: Batch, pool: ThreadPoolExecutor) -> dict[str, float]:
        n = len(batch.items)
        parts = split_batch(n, len(self._replicas) * self.accumulate)

        def backward(number: int) -> dict[str, float]:
            part = parts[number]
            net = self._replicas[number % len(self._replicas)]
            with autocast(self._device):
                outputs = net(batch.images[part])
            targets = part_of(batch.targets, part)
            losses = self._loss(outputs.float(), targets)
            (losses.sum() / n).backward()
            sums = {"loss": float(losses.detach().sum())}
            return sums | watched_sums(self._watch, outputs, targets)

        found = []
        for start in range(0, len(parts), len(self._replicas)):
            wave = range(start, min(start + len(self._replicas), len(parts)))
            found += list(pool.map(backward, wave)) if len(wave) > 1 else [backward(start)]
        return {name: sum(each[name] for each in found) for name in found[0]}

    def _make_smaller(self, n: int, error: RuntimeError) -> None:
        """Halves the parts of a batch, once memory has run out."""
        if len(self._replicas) * self.accumulate >= n:
            raise OptionError(
                "memory is too small to train on one image at a time: choose a smaller "
                f"--image-size, a smaller --backbone or --recipe freeze=last ({error})"
            ) from None
        self.accumulate *= 2
        for net in self._replicas:
            net.zero_grad()
        if self._device == "cuda":
            torch.cuda.empty_cache()


def split_batch(n: int, count: int) -> list[torch.Tensor]:
    """Returns who of n images is in which of so many parts; fewer where there are fewer images."""
    return [part for part in torch.tensor_split(torch.arange(n), count) if len(part)]


def watched_sums(watch: Watch | None, outputs: torch.Tensor, targets: Any) -> dict[str, float]:
    """Returns the sums over some images of what is watched; none where nothing is.

    Args:
        watch: What is counted of each image, or None.
        outputs: Of n images.
        targets: Of the same.
    """
    if watch is None:
        return {}
    return {name: float(each.sum()) for name, each in watch(outputs.detach(), targets).items()}


def sum_gradients(replicas: list[TrainableModel]) -> None:
    """Adds the replicas' gradients to the first one's, always in the same order."""
    for twin in replicas[1:]:
        own, other = [], []
        for mine, theirs in zip(replicas[0].parameters(), twin.parameters(), strict=True):
            if theirs.grad is not None:
                if mine.grad is None:
                    mine.grad = torch.zeros_like(mine)
                own.append(mine.grad)
                other.append(theirs.grad)
                theirs.grad = None
        if own:
            torch._foreach_add_(own, other)


def is_no_memory(error: RuntimeError) -> bool:
    """Tells whether memory ran out: CUDA has a class for that, the CPU a sentence."""
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)
