"""A head alone as the training loop wants it."""

from __future__ import annotations

import pytest
import torch

from headstart.nets.learning.map_net import MapNet
from headstart.nets.masks.head import DensePlan
from headstart.nets.masks.net import build_dense
from headstart.nets.pretrained.maps import MapLayout


def test_it_reads_rows_and_replicas_share_weights():
    layout = MapLayout(8, ((4, 4, 4), (6, 2, 2))).since(1)
    net = MapNet(build_dense(DensePlan("pyramid", (4, 6), (2, 4), (1,), 2, 8)), layout)
    rows = torch.randn(3, 24)
    assert net(rows).shape == (3, 2, 2, 2)
    twin = net.replica()
    net(rows).sum().backward()
    own, shared = next(net.parameters()), next(twin.parameters())
    assert own.data_ptr() == shared.data_ptr()
    assert own.grad is not None
    assert shared.grad is None
    assert set(net.depths) == {name for name, _ in net.named_parameters()}


@pytest.mark.parametrize("kind", ["pyramid", "unet"])
def test_it_learns_on_standardised_maps_and_is_deployed_on_maps_as_they_come(kind):
    layout = MapLayout(8, ((4, 4, 4), (6, 2, 2)))
    moments = (
        [torch.arange(4.0), torch.arange(6.0) - 3], [torch.rand(4) + 0.1, 50 * torch.rand(6) + 1]
    )  # fmt: skip
    plan = DensePlan(kind, (4, 6), (2, 4), (0, 1), 2, 8)
    net = MapNet(build_dense(plan), layout, moments)
    rows = 3 * torch.randn(3, 88) + 1
    shown = [
        (each - mean.view(1, -1, 1, 1)) / std.view(1, -1, 1, 1)
        for each, mean, std in zip(layout.split(rows), *moments, strict=True)
    ]
    torch.testing.assert_close(net(rows), net.head(shown))
    torch.testing.assert_close(net.deployed()(layout.split(rows)), net(rows), rtol=1e-3, atol=1e-4)
    assert set(net.depths) == {name for name, _ in net.named_parameters()}
