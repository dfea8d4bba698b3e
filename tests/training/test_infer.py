"""What a network under training gives, by all replicas: every image once, and in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from tests.nets.tiny import noise, tunable

from headstart.training.infer import infer

SIZE = 32


@pytest.fixture(scope="module")
def net():
    return tunable(size=SIZE, dropout=0.5, channels=(8, 8, 8, 16), stem_width=8)


def outputs(net, images, *, replicas=1, **how):
    twins = [net, *(net.replica() for _ in range(replicas - 1))]
    with ThreadPoolExecutor(replicas) as pool:
        found = infer(twins, images, pool, device="cpu", **how)
    assert not any(each.training for each in twins)
    return found


@pytest.mark.parametrize("count", [1, 32, 33, 100])
@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_every_image_has_its_row(net, count, replicas):
    images = noise(count, SIZE)
    net.train()  # dropout draws nothing all the same
    found = outputs(net, images.numpy(), replicas=replicas)
    with torch.inference_mode():
        wanted = net.eval()(images).numpy()
    assert found.dtype == np.float32
    assert found.shape == (count, 3)
    assert found == pytest.approx(wanted, abs=1e-4)
    assert len(np.unique(found[:, 0])) == count, "no two images look alike"


def test_mirrored_is_left_for_right(net):
    images = noise(40, SIZE).numpy()
    found = outputs(net, images, mirrored=True, replicas=2)
    assert found == pytest.approx(outputs(net, images[:, :, ::-1]), abs=1e-5)
    assert np.abs(found - outputs(net, images)).max() > 1e-3
    assert np.abs(found - outputs(net, images[:, ::-1])).max() > 1e-3


def test_of_no_image_there_is_no_row_but_its_width_is_known(net):
    assert outputs(net, noise(0, SIZE).numpy()).shape == (0, 3)
