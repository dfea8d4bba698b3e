"""The linear arm: every fold's model at once, none of which has seen what it answers for."""

from __future__ import annotations

import numpy as np
import torch
from tests.strategies.mask_sets import QUIET

from headstart.nets.masks.head import DensePlan
from headstart.nets.masks.net import net_of
from headstart.nets.pretrained.maps import MapLayout
from headstart.probe.dense_linear import LinearTask, fit_linear, map_moments

LAYOUT = MapLayout(32, ((4, 8, 8), (6, 4, 4)))
PLAN = DensePlan("linear", (4, 6), (4, 8), (0, 1), 2)


def task(n: int = 20, folds: int = 4) -> LinearTask:
    """The first channel of the larger map tells the class; the others are noise."""
    rng = np.random.default_rng(0)
    rows = rng.normal(3, 2, (n, LAYOUT.bounds[-1])).astype(np.float32)
    truth = rng.random((n, 8, 8)) < 0.4
    rows[:, :64] = 5 + 3 * truth.reshape(n, 64)
    shares = np.stack([~truth, truth], axis=1).astype(np.uint8) * 255
    of = np.arange(n) % folds if folds else np.full(n, -1)
    return LinearTask(LAYOUT, rows.astype(np.float16), shares, of, np.ones(2, np.float32))


def test_it_learns_and_the_head_says_what_was_learnt():
    given = task()
    fit = fit_linear(given, PLAN, QUIET, phase="")
    truth = given.shares.argmax(1)
    assert (fit.scores.argmax(1) == truth).mean() > 0.97
    with torch.inference_mode():
        own = net_of(fit.head)(LAYOUT.split(torch.from_numpy(given.rows).float())).numpy()
    assert (own.argmax(1) == truth).mean() > 0.97


def test_nothing_is_answered_by_who_has_seen_it():
    given = task()
    lies = np.random.default_rng(1).random((20, 8, 8)) < 0.5  # nothing to learn but by heart
    shares = np.stack([~lies, lies], axis=1).astype(np.uint8) * 255
    fit = fit_linear(
        LinearTask(LAYOUT, given.rows, shares, given.folds, given.weights), PLAN, QUIET, phase=""
    )
    assert abs((fit.scores.argmax(1) == lies).mean() - 0.5) < 0.06


def test_without_folds_one_model_is_fitted():
    fit = fit_linear(task(folds=0), PLAN, QUIET, phase="")
    assert fit.head.fault() is None


def test_moments_are_those_of_the_channels():
    given = task()
    means, stds = map_moments(LAYOUT, given.rows)
    first = given.rows[:, :64].astype(np.float32)
    assert np.isclose(float(means[0][0]), first.mean(), atol=0.05)
    assert np.isclose(float(stds[0][0]), first.std(), atol=0.05)
