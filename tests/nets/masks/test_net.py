"""Dense heads as modules: standardised by their weights, and the same after being kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from headstart.nets.masks.head import DensePlan
from headstart.nets.masks.net import build_dense, head_of, net_of


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


def test_a_linear_head_reads_filters_after_the_stages_and_others_none():
    plain = DensePlan("linear", (4, 6, 8), (2, 4, 8), (1, 2), 3)
    images = torch.zeros((2, 32, 32, 3), dtype=torch.uint8)
    assert build_dense(plain).more(images) == []
    net = build_dense(replace(plain, filters=True))
    assert "filters" not in "".join(net.state_dict())  # fixed: nothing of them is kept
    with torch.inference_mode():
        levels = net.more(images)
        for conv in net.first():
            conv.bias.fill_(0.5)
        net.first()[net.plan.read.index(1)].weight.fill_(1.0)
        stage = maps()
        stage[1].fill_(2.0)
        found = net([*stage, *levels])
    assert found.shape == (2, 3, 16, 16)
    assert torch.allclose(found, torch.tensor(6 * 2.0 + 6 * 0.5))
