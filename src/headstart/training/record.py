"""What a training writes down after every epoch, and what it asks of whoever judges it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from headstart.images.inputs import InputImages

__all__ = ["Epoch", "Judge", "Judged", "Means", "OnEpoch"]


@dataclass(frozen=True)
class Epoch:
    """What one epoch did.

    Attributes:
        epoch: Its number, from 1.
        trainable_stages: Stages that were trainable at its end, the head included.
        lr: Of the head, at its end.
        loss: Mean of the training loss, as trained (augmented, smoothed).
        accuracy: Of the training images, as trained; NaN where the task has no such number.
        val_loss: Of the held-out images, as their `Judge` says; NaN without any.
        val_accuracy: Of the held-out images, likewise.
        measure: What is better when larger, likewise.
        seconds: Wall time.
        images: Training images seen.
        mean_negative_cosine: Of embeddings only, as means over the batches: cosine of images of
            different people (1: all the same point).
        effective_rank: Directions that the embeddings of a batch spread in (effective rank).
        active_triplets: Share of the triplets that still violate the margin.
        others: Means of whatever else the task watches while it trains, by name.
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
    others: dict[str, float] = field(default_factory=dict)


OnEpoch = Callable[[str, Epoch], None]
"""Called with the name of a training and its epoch."""


class Judged(NamedTuple):
    """What held-out images say of some weights.

    Attributes:
        measure: Larger is better; what decides.
        accuracy: In words that people know, where the task has such a number; else NaN.
        loss: Smaller is better; decides between equals.
    """

    measure: float
    accuracy: float
    loss: float


class Judge(Protocol):
    """Held-out images that decide which weights are kept."""

    @property
    def inputs(self) -> InputImages:
        """M images of the network's size."""
        ...

    def judge(self, outputs: np.ndarray) -> Judged:
        """Returns what the network's outputs of the M images, in order, are worth."""
        ...


class Means:
    """Running means over the images of an epoch, by name.

    Attributes:
        images: How many there were.
        sums: Name -> sum over them.
    """

    def __init__(self) -> None:
        self.images = 0
        self.sums: dict[str, float] = {}

    def add(self, sums: dict[str, float], images: int) -> None:
        """Adds some images.

        Args:
            sums: Name -> sum over these images.
            images: How many.
        """
        self.images += images
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def values(self) -> dict[str, float]:
        """Returns name -> mean."""
        return {name: value / self.images for name, value in self.sums.items()}

    def clear(self) -> None:
        """Begins anew."""
        self.images = 0
        self.sums = {}
