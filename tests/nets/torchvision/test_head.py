"""What is kept of torchvision's detectors: the same module again, or a fault by name."""

from __future__ import annotations

import json

import pytest
import torch
from tests.nets.torchvision_maps import KINDS, SIZE, maps, plan_of

from headstart.nets.place_runner import module_of
from headstart.nets.torchvision.build import build_torchvision
from headstart.nets.torchvision.head import TorchvisionHead, torchvision_head_of


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_is_the_same_after_being_kept(kind):
    net = build_torchvision(plan_of(kind), seed=3).eval()
    head = torchvision_head_of(net)
    about = json.loads(json.dumps(head.meta()))
    again = TorchvisionHead.from_json(about, head.tensors())
    assert again.fault() is None
    assert again.plan == head.plan
    with torch.inference_mode():
        scores, boxes = net(maps())
        other = module_of(again).answer(maps(), 1.0)
    assert torch.equal(scores, other[0])
    assert torch.equal(boxes, other[1])
    told = head.outputs_at(SIZE)
    assert tuple(scores.shape[1:]) == told["scores"]
    assert tuple(boxes.shape[1:]) == told["boxes"]


def test_arrays_that_are_missing_are_named():
    head = torchvision_head_of(build_torchvision(plan_of("ssdlite")))
    name, *_ = sorted(head.arrays)
    fewer = {key: each for key, each in head.arrays.items() if key != name}
    assert name in TorchvisionHead(head.plan, fewer).fault()
