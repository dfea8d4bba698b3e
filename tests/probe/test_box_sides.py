"""Side layers learn where things end, each model from its own cells."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from headstart.nets.boxes.head import BoxPlan
from headstart.nets.boxes.net import box_corners
from headstart.probe import box_sides
from headstart.probe.box_sides import fit_sides, overlap_at, sides_away
from headstart.probe.level_fit import LevelFit

BINS = 8


def start(bins: int) -> LevelFit:
    numbers = 4 * max(1, bins)
    return LevelFit(np.zeros((numbers, 3), np.float32), np.zeros(numbers, np.float32))


def cells(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Features of which two say how wide and how high a thing around the cell is."""
    features = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    half = np.stack([2 + features[:, 0] / 2, 3 + features[:, 1] / 2], axis=1).clip(0.5, 6)
    return features * 4 + 9, np.hstack([half, half]).astype(np.float32)


@pytest.mark.parametrize("bins", [BINS, 0])
def test_sides_are_learnt_by_each_model_from_what_it_may_see(bins):
    features, away = cells(0)
    worth = np.ones((len(features), 2))
    worth[:, 1] = 0  # the second sees nothing
    given = (features, away, worth, start(bins))
    learnt, other = fit_sides(*given, bins=bins, strength=10.0, steps=60)
    fresh, wanted = cells(1)
    begun, told = (sides_away(each, fresh, bins) for each in (start(bins), learnt))
    assert overlap_at(told, wanted).mean() > 0.85 > 1.3 * overlap_at(begun, wanted).mean()
    assert np.abs(other.weights).max() < 1e-6
    weak = fit_sides(*given, bins=bins, strength=1e-4)[0]
    assert np.abs(weak.weights).sum() < 0.5 * np.abs(learnt.weights).sum()


def test_without_a_cell_a_layer_stays():
    nothing = np.zeros((0, 3), np.float32), np.zeros((0, 4), np.float32), np.zeros((0, 2))
    found = fit_sides(*nothing, start(BINS), bins=BINS, strength=1.0)
    assert found == [found[0]] * 2
    assert found[0].bias.sum() == 0


@pytest.mark.parametrize("bins", [BINS, 0])
def test_boxes_are_those_of_the_network(bins):
    rng = np.random.default_rng(2)
    numbers = 4 * max(1, bins)
    fit = LevelFit(*(rng.normal(size=each).astype(np.float32) for each in ((numbers, 3), numbers)))
    features = rng.normal(size=(20, 3)).astype(np.float32)
    grid = np.hstack([rng.random((20, 2)) * 64, np.full((20, 1), 8.0)]).astype(np.float32)
    away = sides_away(fit, features, bins) * grid[:, 2:]
    found = np.hstack([grid[:, :2] - away[:, :2], grid[:, :2] + away[:, 2:]])
    raw = np.hstack([np.zeros((20, 1), np.float32), features @ fit.weights.T + fit.bias])
    plan = BoxPlan("levels", (3,), (8,), (0,), 1, bins=bins)
    wanted = box_corners(plan, torch.from_numpy(raw)[None], torch.from_numpy(grid))[0].numpy()
    assert np.allclose(found, wanted, atol=1e-3)


@pytest.mark.parametrize("loss", [box_sides._bin_loss, box_sides._square_loss])
def test_slopes_are_those_of_the_loss(loss):
    torch.manual_seed(0)
    numbers = 4 * BINS if loss is box_sides._bin_loss else 4
    wanted = torch.rand(10, numbers, dtype=torch.float64)
    if numbers > 4:
        wanted = wanted.unflatten(1, (4, BINS)).softmax(-1).flatten(1)
    told = torch.randn(10, 2, numbers, dtype=torch.float64, requires_grad=True)
    loss(told, wanted)[0].sum().backward()
    assert torch.allclose(loss(told.detach().clone(), wanted)[1], told.grad, atol=1e-9)


def test_overlap_is_that_of_boxes_around_one_centre():
    one = np.array([[1.0, 1, 1, 1], [2, 0, 2, 2], [1, 1, -2, 1]])
    other = np.array([[1.0, 1, 1, 1], [0, 0, 2, 2], [1, 1, 1, 1]])
    assert overlap_at(one, other).tolist() == [1.0, 0.5, 0.0]
