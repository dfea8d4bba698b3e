"""What a training writes down after every epoch, and the held-out images that judge it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.data.squares import Squares

__all__ = ["Epoch", "Held", "judge"]


@dataclass(frozen=True)
class Epoch:
    """What one epoch did.

    Attributes:
        epoch: Its number, from 1.
        learning: Stages that learnt at its end, the head included.
        rate: Of the head, at its end.
        loss: Mean of the training loss, as trained (augmented, smoothed).
        accuracy: Of the training images, as trained.
        held_loss: Log-loss of the held-out images; NaN without any.
        held_accuracy: Of the held-out images.
        measure: What is better when larger: accuracy, or balanced accuracy.
        seconds: Wall time.
        images: Training images seen.
    """

    epoch: int
    learning: int
    rate: float
    loss: float
    accuracy: float
    held_loss: float
    held_accuracy: float
    measure: float
    seconds: float
    images: int


@dataclass(frozen=True)
class Held:
    """Held-out images that decide what is kept.

    Attributes:
        squares: M images of the network's size.
        targets: (M,) int.
        balanced: Judge by balanced accuracy.
    """

    squares: Squares
    targets: np.ndarray
    balanced: bool = False

    def judge(self, scores: np.ndarray) -> tuple[float, float, float]:
        """Returns measure, accuracy and log-loss of (M, C) scores."""
        return judge(scores, self.targets, balanced=self.balanced)


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
