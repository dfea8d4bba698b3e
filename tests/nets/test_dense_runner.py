"""A model of masks at work: the engine gives what plain torch gives."""

from __future__ import annotations

import numpy as np

from headstart.nets.dense_runner import DenseRunner
from tests.dense_models import dense_model


def test_engine_and_plain_torch_agree():
    model = dense_model()
    size = model.preprocess.size
    images = np.random.default_rng(0).integers(0, 256, (5, size, size, 3), dtype=np.uint8)
    exact = DenseRunner(model, images=5, exact=True)(images)
    fast = DenseRunner(model, images=100)(images)
    cells = size // model.head.plan.stride
    assert exact.shape == (5, 2, cells, cells)
    assert np.allclose(exact.sum(axis=1), 1, atol=1e-5)
    assert np.abs(exact - fast).max() < 1e-4
