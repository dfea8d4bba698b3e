"""What answers: a model of a run and an exported one look the same from here."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from headstart.images.preprocess import Preprocess
from headstart.scale import Bins

__all__ = ["Predictor"]


class Predictor(Protocol):
    """What names frames: an exported model, or that of a run."""

    @property
    def classes(self) -> tuple[str, ...]:
        """C class names."""

    @property
    def preprocess(self) -> Preprocess:
        """How frames are fitted."""

    @property
    def tta(self) -> int:
        """How many views of a frame are averaged."""

    @property
    def threshold(self) -> float:
        """Probability below which an answer is "not sure"."""

    @property
    def bins(self) -> Bins | None:
        """Of a regression model: the classes are its bins."""

    def probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Returns (N, C) probabilities of (N, V, size, size, 3) uint8."""
