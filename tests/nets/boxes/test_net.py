"""Heads of boxes as modules: the boxes that their numbers mean, and the same after being kept."""

from __future__ import annotations

import pytest
import torch
from tests.nets.boxes.test_head import PLANS

from headstart.nets.boxes.net import (
    BoxRows,
    box_corners,
    box_head_of,
    box_net_of,
    box_scores,
    build_boxes,
)


def maps(offset: float = 0.0, scale: float = 1.0) -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    shapes = [(2, 4, 16, 12), (2, 6, 8, 6), (2, 8, 4, 3)]
    return [offset + scale * torch.randn(shape, generator=rng) for shape in shapes]


@pytest.mark.parametrize("kind", PLANS)
def test_a_head_is_the_same_after_being_kept(kind):
    net = build_boxes(PLANS[kind], seed=3).eval()
    with torch.inference_mode():
        scores, boxes = net(maps())
        again = box_net_of(box_head_of(net))(maps())
        rows = BoxRows(net)(maps())
    cells = 48 + 12 + (192 if kind == "levels" else 0)
    assert scores.shape == (2, cells, 3)
    assert boxes.shape == (2, cells, 4)
    assert rows.shape == (2, cells, PLANS[kind].row)
    assert torch.equal(scores, again[0])
    assert torch.equal(boxes, again[1])


def test_rows_mean_the_boxes_that_were_put_in():
    plan = PLANS["pyramid"]
    cells = torch.tensor([[40.0, 24.0, 16.0]])
    raw = torch.full((1, 1, plan.row), -50.0)
    for side, bin_ in enumerate((1, 0, 7, 3)):  # left, top, right, bottom, in cells
        raw[0, 0, 3 + 8 * side + bin_] = 50.0
    assert torch.allclose(
        box_corners(plan, raw, cells)[0, 0], torch.tensor([24.0, 24.0, 152.0, 72.0])
    )
    plan = PLANS["levels"]
    raw = torch.zeros(1, 1, plan.row)
    raw[0, 0, 4:] = torch.tensor([0.5, -1.0, 0.0, 1.0])  # centre, log size
    half = 8 * torch.e
    wanted = torch.tensor([40.0, 8 - half, 56.0, 8 + half])
    assert torch.allclose(box_corners(plan, raw, cells)[0, 0], wanted)
    raw[0, 0, 0], raw[0, 0, 3] = 1.0, -1.0  # times objectness
    wanted = torch.tensor(1.0).sigmoid() * torch.tensor(-1.0).sigmoid()
    assert torch.allclose(box_scores(plan, raw)[0, 0, 0], wanted)


def test_the_last_layers_of_a_detector_read_its_maps_as_they_are():
    with pytest.raises(NotImplementedError):
        build_boxes(PLANS["levels"]).first()


def test_untrained_classes_expect_little():
    with torch.inference_mode():
        scores, _ = build_boxes(PLANS["pyramid"])(maps())
    assert 0.001 < float(scores.mean()) < 0.05
