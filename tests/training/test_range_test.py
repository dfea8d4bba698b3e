"""The range test returns a rate between the useless and the harmful."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from headstart.training.range_test import range_test
from headstart.training.schedule import Recipe


class Bowl:
    """Stands for a `Training`: gradient descent on a noisy quadratic of known curvature."""

    def __init__(self, curvature: float, seed: int = 0) -> None:
        self.recipe = Recipe()
        self.curvature, self.place, self.over = curvature, 1.0, False
        self.last_loss = float("nan")
        self.rng = np.random.default_rng(seed)
        self.factor = None

    def run(self, *, save, until):
        for step in range(until):
            rate = self.recipe.lr * self.factor(step)
            self.place -= rate * self.curvature * (self.place + 0.01 * self.rng.normal())
            self.last_loss = 0.5 * self.curvature * self.place**2 + 0.01
            save()
            if self.over:
                return


@pytest.mark.parametrize("curvature", [20.0, 200.0, 2000.0])
def test_it_finds_a_rate_that_converges(curvature):
    found = range_test(Bowl(curvature), steps=80)
    assert 0.02 / curvature < found.lr < 2 / curvature  # 2 / curvature is where it diverges
    assert (np.diff(found.rates) > 0).all()


def test_nothing_was_run():
    training = SimpleNamespace(recipe=Recipe(), run=lambda save, until: None, factor=None)
    assert range_test(training).lr > 0
