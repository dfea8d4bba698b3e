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
