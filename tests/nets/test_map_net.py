"""A head alone as the training loop wants it."""

from __future__ import annotations

import torch

from headstart.nets.dense import build_dense
from headstart.nets.dense_head import DensePlan
from headstart.nets.map_net import MapNet
from headstart.nets.maps import MapLayout


def test_it_reads_rows_and_replicas_share_weights():
    layout = MapLayout(8, ((4, 4, 4), (6, 2, 2))).since(1)
    net = MapNet(build_dense(DensePlan("pyramid", (4, 6), (2, 4), (1,), 2, 8)), layout)
    rows = torch.randn(3, 24)
    assert net(rows).shape == (3, 2, 2, 2)
    twin = net.replica()
    net(rows).sum().backward()
    own, shared = next(net.parameters()), next(twin.parameters())
    assert own.data_ptr() == shared.data_ptr()
    assert own.grad is not None and shared.grad is None
    assert set(net.depths) == {name for name, _ in net.named_parameters()}
