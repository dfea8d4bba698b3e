"""What a training writes down after every epoch, and the held-out images that judge it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headstart.images.inputs import InputImages
from headstart.metrics.retrieval import neighbour_loss, retrieve

__all__ = ["Epoch", "Validation", "ValidationIdentities", "OnEpoch", "judge"]


@dataclass(frozen=True)
class Epoch:
    """What one epoch did.

    Attributes:
        epoch: Its number, from 1.
        trainable_stages: Stages that were trainable at its end, the head included.
        lr: Of the head, at its end.
        loss: Mean of the training loss, as trained (augmented, smoothed).
        accuracy: Of the training images, as trained.
        val_loss: Log-loss of the held-out images; NaN without any.
        val_accuracy: Of the held-out images.
        measure: What is better when larger: accuracy, or balanced accuracy.
        seconds: Wall time.
        images: Training images seen.
        mean_negative_cosine: Of embeddings only, as means over the batches: cosine of images of
            different people (1: all the same point).
        effective_rank: Directions that the embeddings of a batch spread in (effective rank).
        active_triplets: Share of the triplets that still violate the margin.
    """

    epoch: int
    trainable_stages: int
    lr: float
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    measure: float
    seconds: float
    images: int
    mean_negative_cosine: float = math.nan
    effective_rank: float = math.nan
    active_triplets: float = math.nan


OnEpoch = Callable[[str, Epoch], None]
"""Called with the name of a training and its epoch."""


@dataclass(frozen=True)
class Validation:
    """Held-out images that decide what is kept.

    Attributes:
        inputs: M images of the network's size.
        targets: (M,) int.
        balanced: Judge by balanced accuracy.
    """

    inputs: InputImages
    targets: np.ndarray
    balanced: bool = False

    def judge(self, scores: np.ndarray) -> tuple[float, float, float]:
        """Returns measure, accuracy and log-loss of (M, C) scores."""
        return judge(scores, self.targets, balanced=self.balanced)


@dataclass(frozen=True)
class ValidationIdentities:
    """Held-out people who decide which embedding is kept.

    Attributes:
        inputs: M images of the network's size.
        targets: (M,) int identities, none of whom is trained on.
        copies: (M,) int; images of one number are copies and no merit to find.
    """

    inputs: InputImages
    targets: np.ndarray
    copies: np.ndarray

    def judge(self, vectors: np.ndarray) -> tuple[float, float, float]:
        """Returns mAP@R, recall@1 and the neighbours' log-loss of (M, D) unit vectors."""
        if not np.isfinite(vectors).all():
            return 0.0, 0.0, math.inf
        found = retrieve(vectors, self.targets, copies=self.copies)
        if not len(found.items):
            return 0.0, 0.0, math.inf
        loss = neighbour_loss(vectors, self.targets)
        return float(found.map_at_r.mean()), float(found.recall_at_1.mean()), loss


def judge(scores: np.ndarray, targets: np.ndarray, *, balanced: bool) -> tuple[float, float, float]:
    """Returns measure, accuracy and log-loss.

    Args:
        scores: (M, C) before the softmax.
        targets: (M,) int.
        balanced: The measure is balanced accuracy over the classes present, else accuracy.
    """
    shifted = scores - scores.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = float(-logs[np.arange(len(logs)), targets].mean())
    hits = scores.argmax(axis=1) == targets
    measure = float(hits.mean())
    if balanced:
        counts = np.bincount(targets)
        recalls = np.bincount(targets, hits)[counts > 0] / counts[counts > 0]
        measure = float(recalls.mean())
    return measure, float(hits.mean()), loss
