"""`Ask`: what a training is asked for, whatever is learnt."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.choices import Baselines, EvaluationKind, Strategy
from headstart.training.schedule import Recipe

__all__ = ["Ask"]


@dataclass(frozen=True)
class Ask:
    """What a training is asked for.

    Attributes:
        strategy: Frozen features only, fine-tuned, from random weights, or the better of the first.
        recipe: Of fine-tuning.
        epochs: As asked for, or None.
        find_rate: Choose the learning rate by a range test.
        budget: Minutes: of classes that `auto` may fine-tune for, of boxes and masks of it all.
        views: Looks at an image that the model may keep; None to let the data decide.
        evaluation: How it is tested.
        folds: Of every cross-validation.
        baselines: What it must beat.
        run: The run's final folder; what an interrupted training leaves lies beside it.
        options: Of the verb, kept for resuming.
        log: Names of trackers.
        resuming: Whether an interrupted training goes on.
        overwrite: Whether an earlier run may be replaced.
        until_written: What must stay until the run is written, such as the place of a network.
    """

    strategy: Strategy
    recipe: Recipe
    epochs: int | None
    find_rate: bool
    budget: float
    views: int | None
    evaluation: EvaluationKind
    folds: int
    baselines: Baselines
    run: Path
    options: dict[str, Any]
    log: str | None
    resuming: bool
    overwrite: bool
    until_written: contextlib.ExitStack

    def overrun(self, seconds: float) -> list[str]:
        """Says that what the budget is of took longer than that, where it did as it is rounded."""
        minutes = seconds / 60
        if float(f"{minutes:.1f}") <= self.budget:
            return []
        return [f"Training took {minutes:.1f} minutes, more than --budget {self.budget:g}."]
