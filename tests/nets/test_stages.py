"""Stages: a network as one function from pixels to vectors, whatever the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.nets.pools import SIZE, NoStages, bounds_of, inputs, lived, make_pool, plain
from torch import nn

from headstart.images.preprocess import Preprocess
from headstart.nets.engines.on_torch import TorchEngine
from headstart.nets.stages import StagePool, one_thread

pytestmark = pytest.mark.usefixtures("one_thread")


def test_stages_of_a_convolutional_network():
    pool = make_pool("test_resnet")
    stages = [f"stage{i}" for i in range(1, 6)]
    assert [name for name, _ in pool.layout] == ["pixels", "regions", *stages, "last"]
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
    assert pool.layout == (("pixels", 432), ("last", 7))
    engine = TorchEngine(pool, device="cpu", precision="fp32")
    images = inputs(3)
    engine.start(0, images)
    np.testing.assert_allclose(engine.finish(0), plain(pool, images), atol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        ([32, 16, 8, 4], (0, 1, 2, 3)),
        ([32, 32, 16, 16, 16, 8], (1, 4, 5)),
        ([64, 32, 16, 8, 4, 2, 1], (2, 3, 4, 5, 6)),  # the last five
        ([14] * 12, (2, 5, 8, 11)),
        ([14] * 2, (0, 1)),
        ([14], (0,)),
        ([8, 16, 8], (1, 2)),  # the last of each size
    ],
)
def test_which_maps_are_stages(sizes, wanted):
    from headstart.nets.stages import _spread

    assert _spread([torch.zeros(1, 2, side, side) for side in sizes]) == wanted


@pytest.mark.parametrize("count", [1, 2, 5])
def test_parts_are_the_vector_cut_at_its_stages(count):
    pool = make_pool("test_resnet")
    images = torch.from_numpy(inputs(count))
    with torch.inference_mode():
        parts, whole = pool.parts(images), pool(images)
    assert [part.shape for part in parts] == [(count, width) for _, width in pool.layout]
    bounds = bounds_of(pool)
    for part, start, stop in zip(parts, bounds, bounds[1:], strict=False):
        assert torch.equal(part, whole[:, start:stop])


def test_the_last_layer_alone():
    pool = make_pool("test_resnet")
    images = torch.from_numpy(inputs(2))
    with torch.inference_mode():
        assert torch.allclose(pool.last(images), pool(images)[:, bounds_of(pool)[-2] :], atol=1e-5)


def test_a_stage_is_average_and_maximum():
    pool = make_pool("test_resnet")
    width = pool.layout[2][1] // 2
    with torch.inference_mode():
        stage = pool.parts(torch.from_numpy(inputs(3)))[2]
    assert (stage[:, :width] <= stage[:, width:] + 1e-6).all()


class Shrinks(NoStages):
    """Its stages are the image, half and a quarter as large."""

    def forward_intermediates(self, x: torch.Tensor) -> tuple:
        half, quarter = (nn.functional.avg_pool2d(x, side, ceil_mode=True) for side in (2, 4))
        return quarter, [half, quarter]


@pytest.mark.parametrize("size", [8, 32, 50])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 2), (3, 3)])
def test_regions_know_where_something_is(size, row, column):
    pool = StagePool(lived(Shrinks()), Preprocess(size)).eval()
    image = np.zeros((1, size, size, 3), np.uint8)
    top, left = (round((each + 0.5) * size / 4) for each in (row, column))
    image[0, top, left] = 255
    with torch.inference_mode():
        seen = pool.parts(torch.from_numpy(image))[1].reshape(3, 4, 4)
    assert divmod(int(seen[0].argmax()), 4) == (row, column)
    black = pool.parts(torch.zeros(1, size, size, 3, dtype=torch.uint8))[1].reshape(3, 4, 4)
    spread = float((seen - black)[0].mean()) * size**2  # nothing is counted twice, or left out
    assert spread == pytest.approx(1 / 0.229, rel=0.1 if size % 4 else 1e-3)


def test_many_channels_make_fewer_regions():
    pool = make_pool("test_resnet")
    for channels, side in ((256, 4), (257, 3), (1024, 2)):
        pool._divide((channels, 14, 14))
        assert pool.rows.shape == (side, 14)


@pytest.mark.parametrize("size", [12, 30, 100])
def test_the_small_image_is_a_mean_at_every_size(size):
    """Also where 12 does not divide the side: nothing is counted twice, and nothing left out."""
    pool = StagePool(lived(NoStages()), Preprocess(size)).eval()
    images = inputs(2, size)
    with torch.inference_mode():
        small = pool.parts(torch.from_numpy(images))[0].numpy().reshape(2, 3, 12, 12)
        grey = pool.parts(torch.full((1, size, size, 3), 51, dtype=torch.uint8))[0].numpy()
    assert np.allclose(small.mean((2, 3)), images.mean((1, 2)) / 255, atol=1e-5)
    assert np.allclose(grey, 0.2, atol=1e-6)
    half = np.zeros((1, size, size, 3), np.uint8)
    half[:, : size // 2] = 255
    with torch.inference_mode():
        seen = pool.parts(torch.from_numpy(half))[0].numpy().reshape(3, 12, 12)
    assert (seen[:, :5] > 0.9).all()
    assert (seen[:, 7:] < 0.1).all()


@pytest.mark.parametrize("mean", [(0.0, 0.0, 0.0), (0.5, 0.4, 0.3)])
def test_pixels_are_normalised_inside(mean):
    sees = Preprocess(SIZE, mean=mean, std=(0.2, 0.3, 0.4))
    pool = StagePool(lived(NoStages()), sees).eval()
    images = inputs(2)
    found = pool._normalise(torch.from_numpy(images)).numpy()
    assert np.allclose(found, sees.normalise(images), atol=1e-5)


class OneSize(NoStages):
    """A network whose maps can be had at one size only."""

    def forward_intermediates(self, x: torch.Tensor) -> tuple:
        if x.shape[-1] != 32:
            raise RuntimeError("takes 32 pixels only")
        features = self.forward_features(x)
        return features, [x, features]


def test_a_network_of_one_size_is_planned_at_that():
    pool = StagePool(lived(OneSize()), Preprocess(32)).eval()
    stages = ("regions", 48), ("stage1", 6), ("stage2", 14)
    assert pool.layout == (("pixels", 432), *stages, ("last", 7))


def test_one_thread_is_given_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError), one_thread():
            _ = torch.get_num_threads() / (torch.get_num_threads() - 1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
