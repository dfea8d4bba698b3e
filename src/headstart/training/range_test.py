"""The learning-rate range test (Smith, WACV 2017), as a function that returns a number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.training.loop import Training

__all__ = ["RangeTest", "range_test"]

_LOW, _HIGH = 1e-5, 0.3
_SMOOTHING = 0.8
_ENOUGH = 4.0
# The lowest loss is where a rate begins to do harm; this much below it is safe for a training.
_BELOW = 5.0


@dataclass(frozen=True)
class RangeTest:
    """What the test found.

    Attributes:
        lr: To train with.
        rates: (S,) that were tried.
        losses: (S,) smoothed training losses.
    """

    lr: float
    rates: np.ndarray
    losses: np.ndarray


def range_test(training: Training, *, steps: int = 60) -> RangeTest:
    """Trains for some steps at rates that grow from 1e-5 to 0.3, until the loss explodes.

    Args:
        training: At its start; it is spent afterwards.
        steps: At most.
    """
    base = training.recipe.lr
    growth = (_HIGH / _LOW) ** (1 / max(steps - 1, 1))
    training.factor = lambda step: _LOW * growth**step / base
    smooth: list[float] = []
    mean = 0.0

    def watch() -> None:
        nonlocal mean
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * training.last_loss
        smooth.append(mean / (1 - _SMOOTHING ** (len(smooth) + 1)))
        if smooth[-1] > _ENOUGH * min(smooth):
            training.over = True

    training.run(save=watch, until=steps)
    rates = _LOW * growth ** np.arange(len(smooth))
    losses = np.array(smooth)
    if not len(losses):
        return RangeTest(_LOW, rates, losses)
    return RangeTest(float(rates[int(losses.argmin())] / _BELOW), rates, losses)
