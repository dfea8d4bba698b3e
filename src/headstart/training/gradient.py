"""`Gradient`: the gradient of one batch, computed by several threads or in several parts."""

from __future__ import annotations

import contextlib
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from torch import nn

from headstart.errors import OptionError
from headstart.nets.loader import Batch
from headstart.nets.trainable import TrainableModel
from headstart.training.schedule import Recipe

__all__ = ["BatchGradient", "Gradient", "gather", "log_prior", "precision"]


def precision(device: str) -> contextlib.AbstractContextManager[object]:
    """Returns the context in which a network runs: bfloat16 where CUDA has it."""
    if device == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return contextlib.nullcontext()


def log_prior(targets: np.ndarray, n_classes: int) -> np.ndarray:
    """Returns (C,) float: what logit adjustment adds to the scores in the loss.

    What remains in the scores is then consistent for balanced accuracy (Menon et al., ICLR 2021).

    Args:
        targets: (N,) int classes of the training items.
        n_classes: C.
    """
    counts = np.bincount(targets, minlength=n_classes)
    return np.log(np.maximum(counts, 0.5) / counts.sum())


class BatchGradient(Protocol):
    """What the training loop asks for the gradient of a batch.

    Attributes:
        health: What the embeddings of the last batch look like, NaN for classifiers (see
            `tasks.identity.health`).
    """

    health: tuple[float, float, float]

    def of(self, batch: Batch, step: int, pool: ThreadPoolExecutor) -> tuple[float, int]:
        """Leaves the gradient of the mean loss in the first replica; see `Gradient.of`."""


class Gradient:
    """The loss of a recipe, and its gradient in the first of some replicas.

    Args:
        replicas: Networks on the same weights; each computes a share of every batch.
        recipe: How.
        targets: (N,) int classes of the training items.
        seed: Of dropout and of mixing.
        device: Where the replicas are.

    Attributes:
        accumulate: Parts that each replica's share is computed in. It doubles where memory runs
            out: the gradient stays the same.
    """

    health = (math.nan, math.nan, math.nan)

    def __init__(
        self,
        replicas: list[TrainableModel],
        recipe: Recipe,
        targets: np.ndarray,
        *,
        seed: int,
        device: str,
    ) -> None:
        self._replicas, self._recipe, self._targets = replicas, recipe, targets
        self._seed, self._device = seed, device
        self.accumulate = recipe.accumulate
        n_classes = replicas[0].head.out_features
        counts = np.bincount(targets, minlength=n_classes)
        weights, prior = np.ones(n_classes), np.zeros(n_classes)
        if recipe.balance == "weights":
            weights = len(targets) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        if recipe.balance == "logits":
            prior = log_prior(targets, n_classes)
        self._weights = torch.tensor(weights, dtype=torch.float32, device=device)
        self._prior = torch.tensor(prior, dtype=torch.float32, device=device)

    def of(self, batch: Batch, step: int, pool: ThreadPoolExecutor) -> tuple[float, int]:
        """Leaves the gradient of the mean loss in the first replica.

        Args:
            batch: n images.
            step: What is drawn follows from it.
            pool: One thread for each replica.

        Returns:
            The sum of the loss, and how many images were classified correctly. Where the loss is
            not a finite number the gradient is of no use.

        Raises:
            OptionError: If memory is too small for one image at a time.
        """
        targets = torch.from_numpy(self._targets[batch.items])
        images, soft = self._mix(
            batch.images.to(self._device), targets.to(self._device), (self._seed, step, 1)
        )
        for net in self._replicas:
            net.train()
        while True:
            torch.manual_seed(hash((self._seed, step)) & 0x7FFFFFFF)
            try:
                loss, hits = self._backward(images, soft, pool)
                break
            except RuntimeError as error:
                if not _no_memory(error):
                    raise
                self._make_smaller(len(images), error)
        if np.isfinite(loss):
            gather(self._replicas)
        return loss, hits

    def _backward(
        self, images: torch.Tensor, soft: torch.Tensor, pool: ThreadPoolExecutor
    ) -> tuple[float, int]:
        parts = torch.tensor_split(torch.arange(len(images)), len(self._replicas) * self.accumulate)
        parts = tuple(part for part in parts if len(part))

        def backward(number: int) -> tuple[float, int]:
            part = parts[number]
            net = self._replicas[number % len(self._replicas)]
            with precision(self._device):
                scores = net(images[part])
            losses = nn.functional.cross_entropy(
                scores.float() + self._prior, soft[part], reduction="none",
                label_smoothing=self._recipe.label_smoothing,
            )  # fmt: skip
            losses = losses * (soft[part] @ self._weights)
            (losses.sum() / len(images)).backward()
            hits = (scores.argmax(1) == soft[part].argmax(1)).sum()
            return float(losses.detach().sum()), int(hits)

        found = []
        for start in range(0, len(parts), len(self._replicas)):
            wave = range(start, min(start + len(self._replicas), len(parts)))
            found += list(pool.map(backward, wave)) if len(wave) > 1 else [backward(start)]
        return sum(loss for loss, _ in found), sum(hits for _, hits in found)

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

    def _mix(
        self, images: torch.Tensor, targets: torch.Tensor, seed: tuple[int, ...]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns images and (n, C) soft targets, mixed in pairs where the recipe says so."""
        n_classes = self._replicas[0].head.out_features
        soft = nn.functional.one_hot(targets, n_classes).float()
        if not self._recipe.mixup or len(images) < 2:
            return images, soft
        from torchvision.transforms import v2

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(hash(seed) & 0x7FFFFFFF)
            kinds = [
                kind(alpha=self._recipe.mixup, num_classes=n_classes)
                for kind in (v2.MixUp, v2.CutMix)
            ]
            mixed, soft = v2.RandomChoice(kinds)(images.permute(0, 3, 1, 2).float(), targets)
        return mixed.permute(0, 2, 3, 1), soft


def gather(replicas: list[TrainableModel]) -> None:
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


def _no_memory(error: RuntimeError) -> bool:
    """Tells whether memory ran out: CUDA has a class for that, the CPU a sentence."""
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)
