"""Dense heads as modules: standardised by their weights, and the same after being kept."""

from __future__ import annotations

import pytest
import torch

from headstart.nets.dense import build_dense, head_of, net_of
from headstart.nets.dense_head import DensePlan


def plan(kind: str) -> DensePlan:
    return DensePlan(kind, (4, 6, 8), (2, 4, 8), (1, 2), 3, 16)


def maps(offset: float = 0.0, scale: float = 1.0) -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    shapes = [(2, 4, 16, 16), (2, 6, 8, 8), (2, 8, 4, 4)]
    return [offset + scale * torch.randn(shape, generator=rng) for shape in shapes]


@pytest.mark.parametrize("kind", ["linear", "pyramid", "unet"])
def test_a_head_is_the_same_after_being_kept(kind):
    net = build_dense(plan(kind), seed=3).eval()
    with torch.no_grad():
        for value in net.parameters():
            value.add_(0.1 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1)))
    kept = head_of(net)
    assert {name: each.shape for name, each in kept.arrays.items()} == net.plan.shapes()
    with torch.inference_mode():
        found = net_of(kept)(maps())
        assert found.shape == (2, 3, 8, 8)
        assert torch.equal(found, net(maps()))


@pytest.mark.parametrize("kind", ["pyramid", "unet"])
def test_standardisation_is_part_of_the_weights(kind):
    net, moved = (build_dense(plan(kind), seed=3) for _ in range(2))
    means = [torch.full((c,), 5.0) for c in (6, 8)]
    stds = [torch.full((c,), 2.0) for c in (6, 8)]
    moved.start(means, stds)
    with torch.inference_mode():
        assert torch.allclose(moved(maps(5.0, 2.0)), net(maps()), atol=1e-4)


def test_weights_follow_from_the_seed():
    one, same, other = (head_of(build_dense(plan("pyramid"), seed=s)).arrays for s in (0, 0, 1))
    assert all((one[name] == same[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)


def test_a_unet_of_one_stage_is_none():
    assert "two stages" in str(DensePlan("unet", (4, 6), (2, 4), (1,), 3, 16).fault())
    assert DensePlan("unet", (4, 6), (2, 4), (0, 1), 3, 16).fault() is None
