"""torch as an engine: folded or not, it is the same network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.nets.pools import SIZE, Shared, bounds_of, inputs, lived, make_pool, norms_of, plain

from headstart.errors import BackboneError
from headstart.images.preprocess import Preprocess
from headstart.nets import engine_torch
from headstart.nets.engine import parity
from headstart.nets.engine_torch import TorchEngine, fold_batchnorm, torch_engine
from headstart.nets.stages import StagePool

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("test_resnet", 0),  # residual blocks
        ("test_efficientnet", 0),  # BatchNormAct2d, squeeze-and-excitation
        ("test_byobnet", 0),  # RepVGG and MobileOne blocks
        ("resnetv2_18", 9),  # normalised before the block: those have no convolution to go into
    ],
)
def test_folding_changes_nothing_but_speed(name, left):
    pool = make_pool(name)
    images = inputs(2)
    reference = plain(pool, images)
    assert norms_of(pool) > left
    fold_batchnorm(pool)
    assert norms_of(pool) == left
    with torch.inference_mode():
        vectors = pool(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(vectors, reference, rtol=1e-3, atol=1e-4)


def test_folding_where_the_size_is_fixed():
    pool = make_pool("test_vit", 96, img_size=96, dynamic_img_size=False)
    engine = TorchEngine(pool, device="cpu", precision="fp32")
    images = inputs(1, 96)
    engine.start(0, images)
    assert parity(engine.finish(0), plain(pool, images)) > 0.9999


def test_where_folding_goes_wrong_the_network_runs_unfolded():
    pool = StagePool(lived(Shared()), Preprocess(SIZE)).eval().requires_grad_(False)
    images = inputs(4)
    folded = TorchEngine(pool, device="cpu", precision="fp32")
    folded.start(0, images)
    assert parity(folded.finish(0), plain(pool, images)) < 0.999
    engine = torch_engine(pool, device="cpu", proof=images[:1], bounds=bounds_of(pool))
    engine.start(0, images)
    needed = 0.9999 if engine.precision == "fp32" else 0.995
    assert parity(engine.finish(0), plain(pool, images)) >= needed


def test_the_pool_given_is_left_as_it_was():
    pool = make_pool("test_resnet")
    count, before = norms_of(pool), {k: v.clone() for k, v in pool.state_dict().items()}
    TorchEngine(pool, device="cpu", precision="fp32")
    assert norms_of(pool) == count
    assert all(torch.equal(value, before[name]) for name, value in pool.state_dict().items())


def test_fp32_where_bf16_is_not_good_enough(monkeypatch):
    pool = make_pool("test_resnet")
    monkeypatch.setattr(engine_torch, "_cpu_has_bf16", lambda: True)
    real = engine_torch.verify_parity

    def strict(vectors, reference, *, precision, bounds):
        if precision == "bf16":
            raise BackboneError("not good enough")
        real(vectors, reference, precision=precision, bounds=bounds)

    monkeypatch.setattr(engine_torch, "verify_parity", strict)
    engine = torch_engine(pool, device="cpu", proof=inputs(1), bounds=bounds_of(pool))
    assert engine.precision == "fp32"
