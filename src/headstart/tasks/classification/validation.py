"""`Validation`: held-out images with one class each, which decide what weights are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.images.inputs import InputImages
from headstart.training.record import Judged

__all__ = ["Validation", "judge"]


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

    def judge(self, outputs: np.ndarray) -> Judged:
        """Returns measure, accuracy and log-loss of (M, C) scores."""
        return judge(outputs, self.targets, balanced=self.balanced)


def judge(scores: np.ndarray, targets: np.ndarray, *, balanced: bool) -> Judged:
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
    return Judged(measure, float(hits.mean()), loss)
