"""`Contrast`: the gradient of a loss over the pairs of a whole batch, by several threads.

Each replica embeds its share of the batch; the loss is of all embeddings side by side; its
gradient at the embeddings goes back through each replica's share. That is the gradient of the
whole, exactly, as in GradCache (Gao et al., RepL4NLP 2021), but for its second forward pass:
the activations of a batch of this size fit into memory.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from headstart.nets.batches.batch import Batch
from headstart.nets.learning.embedder import Embedder
from headstart.tasks.identity.health import health
from headstart.training.gradient import autocast, seed_from, seed_torch, sum_gradients

__all__ = ["Contrast"]


class Contrast:
    """The gradient of a metric loss in the first of some replicas.

    Args:
        replicas: On the same weights; the first one's criterion is the loss.
        margin: By which a triplet counts as active.
        seed: Of what mining draws.
        device: Where the replicas are.
    """

    def __init__(self, replicas: list[Embedder], *, margin: float, seed: int, device: str) -> None:
        self._replicas, self._margin = replicas, margin
        self._seed, self._device = seed, device

    def of(self, batch: Batch, step: int, pool: ThreadPoolExecutor) -> dict[str, float]:
        """Leaves the gradient of the mean loss in the first replica.

        Args:
            batch: n images and their (n,) int identities, 0 to C - 1, on the device.
            step: What is drawn follows from it.
            pool: One thread for each replica.

        Returns:
            n times the loss; under ``"accuracy"`` for how many images the nearest other one of
            the batch shows the same person; and n times the batch's `Health`.
        """
        labels, images = batch.targets, batch.images
        for net in self._replicas:
            net.train()
        seed_torch(seed_from(self._seed, step))
        parts = torch.tensor_split(torch.arange(len(images)), len(self._replicas))

        def embed(number: int) -> torch.Tensor:
            with autocast(self._device):
                return self._replicas[number](images[parts[number]]).float()

        def backward(number: int) -> None:
            if shares[number].requires_grad:  # not while only the loss's own weights learn
                shares[number].backward(vectors.grad[parts[number]])

        numbers = range(len(self._replicas))
        shares = list(pool.map(embed, numbers)) if len(numbers) > 1 else [embed(0)]
        vectors = torch.cat([each.detach() for each in shares]).requires_grad_()
        loss = self._replicas[0].criterion(vectors, labels)
        value = float(loss.detach())
        seen = health(vectors, labels, margin=self._margin)
        if np.isfinite(value):
            loss.backward()
            # Some triplets may be none at all: nothing is learnt from this batch.
            if vectors.grad is not None:
                list(pool.map(backward, numbers)) if len(numbers) > 1 else backward(0)
            sum_gradients(self._replicas)
        n = len(images)
        sums = {"loss": value * n, "accuracy": float(_hits(vectors.detach(), labels))}
        return sums | {name: n * each for name, each in seen._asdict().items()}


def _hits(vectors: torch.Tensor, labels: torch.Tensor) -> int:
    unit = torch.nn.functional.normalize(vectors, dim=1)
    cosines = (unit @ unit.T).fill_diagonal_(-2)
    return int((labels[cosines.argmax(1)] == labels).sum())
