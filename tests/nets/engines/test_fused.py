"""Fused convolutions: the same network, whatever follows its convolutions."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tests.nets.pools import SIZE, bounds_of, inputs, make_pool, plain
from torch import nn

from headstart.images.preprocess import Preprocess
from headstart.nets.detectors.nanodet import NanoDetPlus
from headstart.nets.engines.engine import parity
from headstart.nets.engines.fused import can_fuse, fuse_convolutions, hanging
from headstart.nets.engines.on_torch import fold_batchnorm, torch_engine
from headstart.nets.stages import StagePool

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(not can_fuse(), reason="this torch has no oneDNN"),
]


def fused(pool: StagePool) -> StagePool:
    pool = copy.deepcopy(pool)
    fold_batchnorm(pool)
    pool = pool.to(memory_format=torch.channels_last)
    fuse_convolutions(pool)
    return pool


def left(pool: StagePool) -> int:
    return sum(isinstance(each, nn.Conv2d) for each in pool.modules())


def run(pool: StagePool, images: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return pool(torch.from_numpy(images)).numpy()


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("test_resnet", SIZE),  # activations after a sum in place stay
        ("test_efficientnet", SIZE),  # SiLU, squeeze-and-excitation
        ("tf_mobilenetv3_small_minimal_100", SIZE),  # TensorFlow's padding, ReLU
        ("tf_mobilenetv3_small_100", 96),  # 5 x 5 with that padding, Hardswish
        ("tf_mobilenetv3_small_100", 70),  # of odd maps
    ],
)
def test_every_convolution_is_fused_and_the_network_is_the_same(name, size):
    pool = make_pool(name, size)
    images = inputs(3, size)
    found = fused(pool)
    assert left(pool) > 5
    assert left(found) == 0
    assert parity(run(found, images), run(pool, images)) > 0.999999
    assert left(pool) > 5, "the pool that was copied is as it was"


def test_a_detector_of_our_own_is_fused():
    torch.manual_seed(0)
    pool = StagePool(NanoDetPlus(), Preprocess(SIZE)).eval().requires_grad_(False)
    found = fused(pool)
    assert left(found) == 0
    np.testing.assert_allclose(run(found, inputs(2)), run(pool, inputs(2)), rtol=1e-3, atol=1e-5)


class _Odd(nn.Module):
    """One activation in two places, a convolution run twice, and one with reflected edges."""

    num_classes = 0

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU6()
        self.first = nn.Conv2d(3, 8, 3, 2, 1)
        self.twice = nn.Conv2d(8, 8, 3, 1, 1)
        self.reflected = nn.Conv2d(8, 8, 3, 1, 1, padding_mode="reflect")

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.first(x))
        x = self.act(x + self.twice(self.twice(x)))
        return self.reflected(x)

    def forward_head(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        return x.mean((2, 3))


def test_what_cannot_be_fused_stays():
    torch.manual_seed(0)
    pool = StagePool(_Odd(), Preprocess(SIZE)).eval().requires_grad_(False)
    found = fused(pool)
    assert {type(found.network.first).__name__, type(found.network.act).__name__} == {
        "_Fused", "ReLU6",
    }  # fmt: skip
    assert left(found) == 2
    np.testing.assert_allclose(run(found, inputs(2)), run(pool, inputs(2)), rtol=1e-4, atol=1e-5)


def test_the_engine_says_so_and_another_way_serves_where_it_fails(monkeypatch):
    monkeypatch.setattr("headstart.nets.engines.on_torch._cpu_has_bf16", lambda: False)
    pool, images = make_pool("test_resnet"), inputs(4)
    engine = torch_engine(pool, device="cpu", proof=images[:1], bounds=bounds_of(pool))
    assert "fused" in engine.summary

    def fails(pool: StagePool) -> None:
        raise RuntimeError("no such convolution")

    monkeypatch.setattr("headstart.nets.engines.on_torch.fuse_convolutions", fails)
    engine = torch_engine(pool, device="cpu", proof=images[:1], bounds=bounds_of(pool))
    assert "fused" not in engine.summary
    engine.start(0, images)
    assert parity(engine.finish(0), plain(pool, images)) > 0.9999


def test_every_place_where_a_module_hangs():
    act = nn.ReLU()
    root = nn.ModuleDict({"one": nn.Sequential(act), "two": nn.Sequential(nn.Identity(), act)})
    assert sorted(name for name, _ in hanging(root, act)) == ["0", "1"]
