"""torch as an engine: folded or not, it is the same network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.nets.pools import (
    SIZE,
    NoStages,
    Shared,
    bounds_of,
    inputs,
    lived,
    make_pool,
    norms_of,
    plain,
)
from torch import nn

from headstart.errors import BackboneError
from headstart.images.preprocess import Preprocess
from headstart.nets.engines import on_torch as engine_torch
from headstart.nets.engines.engine import parity, stream
from headstart.nets.engines.on_torch import (
    TorchEngine,
    conv_norm_pairs,
    fold_batchnorm,
    torch_engine,
)
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


class Pairs(NoStages):
    """Two convolutions with norms behind them, one norm that stands alone, one shared pair."""

    def __init__(self) -> None:
        super().__init__()
        self.second = nn.Conv2d(7, 7, 1)
        self.behind = nn.BatchNorm2d(7)
        self.alone = nn.BatchNorm2d(7)
        self.shared = nn.Conv2d(7, 7, 1)
        self.one, self.other = nn.BatchNorm2d(7), nn.BatchNorm2d(7)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x)).relu()
        x = self.alone(self.behind(self.second(x)).relu())
        return self.one(self.shared(x)) + self.other(self.shared(x))


def pool_of(net: nn.Module) -> StagePool:
    return StagePool(lived(net), Preprocess(SIZE)).eval().requires_grad_(False)


def test_pairs_are_found_by_where_tensors_go():
    pool = pool_of(Pairs())
    net = pool.network
    found = conv_norm_pairs(pool)
    assert [(id(conv), id(norm)) for conv, norm in found] == [
        (id(net.conv), id(net.norm)),
        (id(net.second), id(net.behind)),
    ]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_only_pairs_are_folded():
    pool = pool_of(Pairs())
    images = inputs(3)
    reference = plain(pool, images)
    fold_batchnorm(pool)
    assert isinstance(pool.network.norm, nn.Identity)
    assert norms_of(pool) == 3
    with torch.inference_mode():
        assert np.allclose(pool(torch.from_numpy(images)).numpy(), reference, atol=1e-4)


def test_a_norm_without_statistics_stays():
    net = NoStages()
    net.norm = nn.BatchNorm2d(7, track_running_stats=False)
    pool = StagePool(net.eval(), Preprocess(SIZE)).eval().requires_grad_(False)
    fold_batchnorm(pool)
    assert norms_of(pool) == 1


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("count", [1, 3, 16])
def test_batches_of_every_size(few, count):
    pool = make_pool("test_resnet")
    engine = TorchEngine(pool, device="cpu", precision="fp32", few=few)
    images = inputs(count)
    engine.start(0, images)
    vectors = engine.finish(0)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, plain(pool, images), rtol=1e-3, atol=1e-4)


def test_images_may_be_any_view_of_memory():
    pool = make_pool("test_resnet")
    engine = TorchEngine(pool, device="cpu", precision="fp32")
    images = inputs(4)
    engine.start(0, images[::2, :, ::-1])
    flipped = engine.finish(0)
    engine.start(0, np.ascontiguousarray(images[::2, :, ::-1]))
    assert np.array_equal(flipped, engine.finish(0))


def test_what_no_precision_reaches_is_an_error(monkeypatch):
    def never(*given: object, **how: object) -> None:
        raise BackboneError("parity 0.5")

    monkeypatch.setattr(engine_torch, "verify_parity", never)
    pool = make_pool("test_resnet")
    with pytest.raises(BackboneError, match=r"parity 0\.5"):
        torch_engine(pool, device="cpu", proof=inputs(1), bounds=bounds_of(pool))


def test_it_says_what_runs():
    engine = TorchEngine(make_pool("test_resnet"), device="cpu", precision="fp32")
    assert engine.summary.startswith(f"torch {torch.__version__.split('+')[0]}, fp32")
    assert engine.summary.endswith("cpu")
    assert (engine.batch, engine.depth) == (16, 1)


def test_streams_give_every_batch_its_own_answer_on_one_thread_each():
    pool = make_pool("test_resnet")
    images = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    before = torch.get_num_threads()
    engine = TorchEngine(pool, device="cpu", precision="fp32", streams=2)
    assert engine.depth == 2
    assert torch.get_num_threads() == before
    found = list(stream(engine, ((at, images[at : at + 1]) for at in range(6))))
    assert [at for at, _ in found] == list(range(6))
    alone = TorchEngine(pool, device="cpu", precision="fp32")
    for at, rows in found:
        alone.start(0, images[at : at + 1])
        np.testing.assert_allclose(rows, alone.finish(0), rtol=1e-4, atol=1e-5)
