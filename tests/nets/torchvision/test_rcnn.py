"""Faster R-CNN in fixed numbers finds what torchvision's finds, and draws the same every time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.nets.torchvision_maps import SIZE, lively, maps
from torchvision.ops import nms

from headstart.nets.torchvision.rcnn import FixedSampler, suppressed
from headstart.tasks.detection.select import select


@pytest.mark.parametrize("seed", range(4))
def test_suppression_without_a_loop_is_torchvisions(seed):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 60, (1, 300, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(8, 30, (1, 300, 2))], 2)
    boxes = torch.from_numpy(boxes).float()
    kept = nms(boxes[0], torch.arange(300, 0, -1).float(), 0.5)
    found = suppressed(boxes, torch.ones(1, 300, dtype=torch.bool), 0.5)[0]
    assert torch.equal(torch.where(~found)[0], kept.sort().values)
    assert 10 < len(kept) < 290


def test_what_is_no_box_drops_none():
    boxes = torch.tensor([[[0.0, 0, 10, 10], [0, 0, 10, 10]]])
    assert suppressed(boxes, torch.tensor([[True, True]]), 0.5).tolist() == [[False, True]]
    assert suppressed(boxes, torch.tensor([[False, True]]), 0.5).tolist() == [[False, False]]


def test_detections_are_torchvisions():
    net = lively("fasterrcnn")
    model, second = net.model, net.model.roi_heads
    second.score_thresh, second.nms_thresh, second.detections_per_img = 0.02, 0.5, 5000
    model.rpn._pre_nms_top_n["testing"] = 600
    model.rpn._post_nms_top_n["testing"] = 300
    shapes = [(SIZE, SIZE)] * 2
    with torch.inference_mode():
        levels = model.backbone(maps())
        told = net.outputs(list(levels.values()))
        anchors = [net.anchors] * 2
        regions = model.rpn.box_coder.decode(told["sides"].reshape(-1, 4), anchors).view(2, -1, 4)
        chosen, _ = model.rpn.filter_proposals(
            regions, told["objectness"].reshape(-1, 1), shapes, net.per_level
        )
        wanted, _ = second(levels, chosen, shapes)
        scores, boxes = (each.numpy() for each in net(maps()))
        mine, real = net.regions(told)
    for at, each in enumerate(chosen):
        assert int(real[at].sum()) == len(each)
        assert torch.allclose(mine[at][: len(each)], each, atol=1e-3)
    found = select(boxes, scores, floor=0.02, iou=0.5, most=5000)
    for at, each in enumerate(wanted):
        count = len(each["scores"])
        assert (found["scores"][at] > 0).sum() == count > 5
        assert np.allclose(found["scores"][at][:count], each["scores"].numpy(), atol=1e-4)
        assert np.allclose(found["boxes"][at][:count], each["boxes"].numpy(), atol=1e-2)


def test_draws_follow_from_the_salt_alone():
    labels = [torch.tensor([1.0] * 30 + [0.0] * 60 + [-1.0] * 10)]
    sampler = FixedSampler(40, 0.25)
    objects, others = sampler(labels)
    assert int(objects[0].sum()) == 10
    assert int(others[0].sum()) == 30
    assert not (objects[0] & others[0]).any()
    assert not others[0][:30].any()
    assert not others[0][90:].any()
    torch.manual_seed(3)
    assert torch.equal(sampler(labels)[1][0], others[0])
    sampler.salt = 7
    assert not torch.equal(sampler(labels)[1][0], others[0])
