"""Layers are learnt on standardised features and told of features as they come."""

from __future__ import annotations

import numpy as np
import torch

from headstart.probe.level_fit import LevelFit, Standardised, parts_of


def test_a_layer_is_the_same_on_standardised_features():
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(50, 3)) * [1, 10, 0] + [5, -3, 2]).astype(np.float32)
    start = LevelFit(*(rng.normal(size=each).astype(np.float32) for each in ((2, 3), 2)))
    given = Standardised(features)
    assert np.allclose(given.x.std(0, unbiased=False)[:2], 1, atol=1e-4)
    begun, point = given.begin(start, 2)
    weights, bias = parts_of(point, 3)
    assert (weights[1] == begun).all()
    told = given.x @ weights[0].T + bias[0]
    assert np.allclose(told, features @ start.weights.T + start.bias, atol=1e-4)
    for back in given.layers(point, start):
        assert np.allclose(back.weights, start.weights, atol=1e-5)
        assert np.allclose(back.bias, start.bias, atol=1e-4)


def test_what_is_not_finite_stays_where_it_began():
    start = LevelFit(np.ones((1, 2), np.float32), np.zeros(1, np.float32))
    given = Standardised(np.eye(2, dtype=np.float32))
    point = torch.tensor([[1.0, 1, 0], [torch.nan, 1, 0]])
    one, other = given.layers(point, start)
    assert one is not start
    assert other is start
