"""Stages: a network as one function from pixels to vectors, whatever the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.nets.pools import SIZE, NoStages, bounds_of, inputs, lived, make_pool, plain

from headstart.images.preprocess import Preprocess
from headstart.nets.engine_torch import TorchEngine
from headstart.nets.stages import StagePool

pytestmark = pytest.mark.usefixtures("one_thread")


def test_stages_of_a_convolutional_network():
    pool = make_pool("test_resnet")
    assert [name for name, _ in pool.layout] == [f"stage{i}" for i in range(1, 6)] + ["last"]
    images = inputs(2)
    with torch.inference_mode():
        vectors = pool(torch.from_numpy(images)).numpy()
    assert vectors.shape == (2, bounds_of(pool)[-1])
    np.testing.assert_allclose(vectors, plain(pool, images), rtol=1e-3, atol=1e-4)


def test_stages_are_the_same_where_the_last_ones_end_at_one_pixel():
    network = make_pool("test_resnet").network
    layouts = [StagePool(network, Preprocess(size)).layout for size in (16, 32, 64, 96)]
    assert layouts[0] == layouts[1] == layouts[2] == layouts[3]


def test_stages_of_a_transformer_are_spread_over_its_blocks():
    pool = make_pool("test_vit", img_size=SIZE)
    depth = len(pool.network.blocks)
    assert len(pool.keep) == min(4, depth)
    assert pool.keep[-1] == depth - 1
    images = inputs(2)
    with torch.inference_mode():
        vectors = pool(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(vectors, plain(pool, images), rtol=1e-3, atol=1e-4)


def test_network_without_stages_gives_its_last_layer():
    pool = StagePool(lived(NoStages()), Preprocess(SIZE)).eval().requires_grad_(False)
    assert pool.layout == (("last", 7),)
    engine = TorchEngine(pool, device="cpu", precision="fp32")
    images = inputs(3)
    engine.start(0, images)
    np.testing.assert_allclose(engine.finish(0), plain(pool, images), atol=1e-5)
