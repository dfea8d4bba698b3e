"""What our decoding makes of a detector's numbers is what torchvision's makes of them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tests.nets.torchvision_maps import KINDS, SIZE, lively, maps, objects

from headstart.nets.torchvision.net import truth_of
from headstart.tasks.detection.select import select

FLOOR = 0.02
ONE_STAGE = tuple(kind for kind in KINDS if kind != "fasterrcnn")


def by_torchvision(net, read):
    """Returns boxes, scores and labels of each image, from torchvision's own post-processing."""
    model, shapes = net.model, [(SIZE, SIZE)] * len(read[0])
    model.score_thresh, model.topk_candidates, model.detections_per_img = FLOOR, 10_000, 5_000
    levels = list(model.backbone(read).values())
    outputs = model.head(levels)
    if net.plan.kind.startswith("ssd"):
        return model.postprocess_detections(outputs, [net.anchors] * len(shapes), shapes)
    split = {name: list(each.split(net.per_level, dim=1)) for name, each in outputs.items()}
    anchors = [list(net.anchors.split(net.per_level))] * len(shapes)
    return model.postprocess_detections(split, anchors, shapes)


@pytest.mark.parametrize("kind", ONE_STAGE)
def test_boxes_and_scores_are_torchvisions(kind):
    net = lively(kind)
    with torch.inference_mode():
        wanted = by_torchvision(net, maps())
        scores, boxes = (each.numpy() for each in net(maps()))
    found = select(boxes, scores, floor=FLOOR, iou=net.model.nms_thresh, most=5_000)
    assert max(len(each["scores"]) for each in wanted) > 5
    for at, each in enumerate(wanted):
        order = np.argsort(-each["scores"].numpy(), kind="stable")
        count = len(order)
        assert (found["scores"][at] > 0).sum() == count
        assert np.allclose(found["scores"][at][:count], each["scores"].numpy()[order], atol=1e-5)
        near = np.sort(found["boxes"][at][:count].sum(1))
        assert np.allclose(near, np.sort(each["boxes"].numpy().sum(1)), atol=1e-2)
        labels = np.sort(each["labels"].numpy() - net.first_label)
        assert (np.sort(found["labels"][at][:count]) == labels).all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_without_objects_teaches_without_a_fault(kind):
    net = lively(kind).train()
    losses = net(maps()).float().losses(objects())
    assert losses.shape == (2,)
    assert torch.isfinite(losses).all()
    assert losses[0] > 0
    losses.sum().backward()
    assert all(torch.isfinite(each.grad).all() for each in net.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_is_of_its_image_and_draws_on_nothing_else(kind):
    net = lively(kind).train()
    twin, both = copy.deepcopy(net), objects()
    together = net(maps()).losses(both)
    torch.manual_seed(12345)
    alone = twin([each[:1] for each in maps()]).losses({name: v[:1] for name, v in both.items()})
    assert torch.allclose(together[:1], alone, rtol=1e-4)


def test_crowds_and_what_is_no_box_are_left_out():
    first, second = truth_of(objects(), 1)
    assert first["labels"].tolist() == [1, 3]
    assert first["boxes"].tolist()[1] == [20, 10, 60, 62]
    assert len(second["boxes"]) == 0
    flat = {"boxes": torch.tensor([[[5.0, 5, 5, 9]]]), "classes": torch.tensor([[0]])}
    assert len(truth_of(flat, 0)[0]["labels"]) == 0


def test_a_few_steps_teach_where_an_object_is():
    net = lively("fcos", 1).train()
    wanted = {"boxes": objects()["boxes"][:1, :1], "classes": torch.tensor([[0]])}
    read = [each[:1] for each in maps()]
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3)
    for _ in range(25):
        optimiser.zero_grad()
        net(read).losses(wanted).sum().backward()
        optimiser.step()
    with torch.inference_mode():
        scores, boxes = net.eval()(read)
    best = boxes[0, int(scores[0, :, 0].argmax())]
    assert (best - wanted["boxes"][0, 0]).abs().max() < 10
