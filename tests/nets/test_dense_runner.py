"""A model of masks at work: the engine gives what plain torch gives."""

from __future__ import annotations

import numpy as np
from tests.dense_models import dense_model

from headstart.nets.dense_runner import DenseRunner


def test_engine_and_plain_torch_agree():
    model = dense_model()
    size = model.preprocess.size
    images = np.random.default_rng(0).integers(0, 256, (5, size, size, 3), dtype=np.uint8)
    exact = DenseRunner(model, images=5, exact=True)(images[:, None])
    fast = DenseRunner(model, images=100)(images[:, None])
    cells = size // model.head.plan.stride
    assert exact.shape == (5, 2, cells, cells)
    assert np.allclose(exact.sum(axis=1), 1, atol=1e-5)
    assert np.abs(exact - fast).max() < 1e-4


def test_an_image_and_its_mirror_image_get_the_same_answer_mirrored():
    model = dense_model()
    size = model.preprocess.size
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    both = np.stack((images, images[:, :, ::-1]), axis=1)
    runner = DenseRunner(model, images=2, exact=True)
    found, turned, plain = runner(both), runner(both[:, ::-1]), runner(images[:, None])
    np.testing.assert_allclose(found, turned[..., ::-1], atol=1e-6)
    assert np.abs(found - plain).max() > 1e-3
