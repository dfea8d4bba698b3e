"""Cells of maps: what a linear head sees at a place is what its whole maps say there."""

from __future__ import annotations

import numpy as np
import torch

from headstart.nets.masks.head import DensePlan
from headstart.nets.masks.net import build_dense
from headstart.nets.pretrained.maps import MapLayout
from headstart.probe.dense_cells import enlarging, some_cells

LAYOUT = MapLayout(44, ((4, 11, 11), (6, 6, 6), (3, 2, 2)))
PLAN = DensePlan("linear", (4, 6, 3), (4, 8, 22), (0, 1, 2), 2)


def test_a_linear_head_says_the_same_of_cells_as_of_maps():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3, LAYOUT.bounds[-1])).astype(np.float16)
    head = build_dense(PLAN)
    with torch.no_grad():
        for conv in head.first():
            conv.weight.normal_()
            conv.bias.normal_()
        whole = head(LAYOUT.split(torch.from_numpy(rows).float())).numpy()
    cells = some_cells(LAYOUT, rows, np.ones((3, 2, 11, 11)), seed=1)
    weight = np.concatenate([conv.weight.detach().numpy()[:, :, 0, 0] for conv in head.first()], 1)
    bias = sum(conv.bias.detach().numpy() for conv in head.first())
    told = cells.values.astype(np.float32) @ weight.T + bias
    assert np.abs(told.transpose(0, 2, 1) - cells.of(whole).reshape(3, 2, -1)).max() < 2e-2


def test_enlarging_is_that_of_torch():
    small = torch.rand(1, 1, 5)
    large = torch.nn.functional.interpolate(small, size=12, mode="linear", align_corners=False)
    assert np.allclose(enlarging((12, 5))[1] @ small[0, 0].numpy(), large[0, 0].numpy(), atol=1e-6)


def test_cells_are_spread_and_few_where_images_are_many():
    wide = MapLayout(256, ((4, 64, 64),))
    even = np.ones((1000, 2, 64, 64), np.uint8)
    many = some_cells(wide, np.zeros((1000, wide.bounds[-1]), np.float16), even, seed=0)
    assert many.values.shape[1] <= 144
    apart = np.diff(many.rows, axis=1)
    assert (apart >= 0).all()
    assert (apart.max(axis=1) < 20).all()
    assert np.allclose(many.counts.sum(axis=1), 64 * 64)


def test_what_is_rare_is_drawn_and_counts_for_no_more_than_it_is():
    wide = MapLayout(256, ((4, 64, 64),))
    shares = np.zeros((400, 2, 64, 64), np.uint8)
    shares[:, 0] = 255
    shares[:, :, 20:24, 50:54] = np.array([0, 255], np.uint8)[:, None, None]  # of 4,096 cells 16
    cells = some_cells(wide, np.zeros((400, wide.bounds[-1]), np.float16), shares, seed=0)
    rare = cells.of(shares)[:, 1].reshape(400, -1) > 0
    assert (rare.sum(axis=1) >= 2).all()
    assert np.isclose((rare * cells.counts).sum(axis=1).mean(), 16, rtol=0.15)
