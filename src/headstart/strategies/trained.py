"""`Trained`: a model, what it answered to items it never saw, and everything that was tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.predictions import Predictions
from headstart.records import Finding, OutputSpec
from headstart.strategies.problem import Prepared

if TYPE_CHECKING:
    from headstart.nets.model import Model
    from headstart.training.record import Epoch
    from headstart.training.schedule import Recipe

__all__ = ["Answered", "Histories", "Trained"]

Answered = tuple[np.ndarray, dict[str, np.ndarray], OutputSpec]


@dataclass(frozen=True)
class Histories:
    """The epochs of every training of a run.

    Attributes:
        epochs: Name of a training -> its epochs.
        more: Further columns of `Epoch` that are of interest.
        items: (n,) int items that were trained on, of which a few are shown as training saw them.
        recipe: How it was trained.
    """

    epochs: dict[str, tuple[Epoch, ...]]
    items: np.ndarray
    recipe: Recipe
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trained:
    """What a strategy gives.

    Attributes:
        prepared: The usable items.
        model: What is kept.
        summary: One sentence about it.
        evaluation: ``kind`` (`holdout` or `cv`) and one sentence about how it was tested.
        answered: Items, outputs and what decodes them, of every round.
        predictions: Of the tested items, in order of item.
        uncalibrated: The same before temperature scaling, or None.
        clusters: (N,) int: what belongs together when intervals are made.
        dropped: (N,) bool: left out of training as leaks.
        baselines: Name -> answers to the same items.
        trials: Rows of `trials.csv`, the chosen one first.
        findings: Of the training itself.
        aside: (V,) int: validation items that chose and were not trained on, or None.
        histories: Of fine-tuning, where there was any.
        sections: Further parts of `metrics.json`, ready for JSON.
    """

    prepared: Prepared
    model: Model
    summary: str
    evaluation: tuple[str, str]
    answered: tuple[Answered, ...]
    predictions: Predictions
    uncalibrated: Predictions | None
    clusters: np.ndarray
    dropped: np.ndarray
    baselines: dict[str, Predictions]
    trials: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...] = ()
    aside: np.ndarray | None = None
    histories: Histories | None = None
    sections: dict[str, Any] = field(default_factory=dict)

    @property
    def items(self) -> np.ndarray:
        """(M,) int items that were tested, ascending."""
        return np.sort(np.concatenate([items for items, _, _ in self.answered]))
