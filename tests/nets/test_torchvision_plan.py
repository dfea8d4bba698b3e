"""What is kept of torchvision's detectors: descriptions that fit their modules, or are refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from tests.nets.torchvision_maps import KINDS, SIZE, maps, plan_of

from headstart.nets.place_runner import module_of
from headstart.nets.torchvision_net import build_torchvision, torchvision_head_of
from headstart.nets.torchvision_plan import TorchvisionHead


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


def test_stages_are_those_that_a_detector_is_meant_for():
    assert plan_of("fasterrcnn").stages == (0, 1, 2, 3)
    assert plan_of("fcos").stages == (1, 2, 3)
    assert plan_of("ssd").stages == (2, 3)
    assert plan_of("fcos").sides == (8, 4, 2, 1, 1)
    alone = plan_of("ssd").over("ssd", (7,), (14,), 2, 224)
    assert alone.stages == (0,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "yolo"}, "no detector called 'yolo'"),
        ({"size": 0}, "size must be"),
        ({"size": True}, "size must be"),
        ({"width": 3}, "width must be"),
        ({"least": 0}, "least must be"),
        ({"stages": (9,)}, "not among"),
    ],
)
def test_what_describes_no_detector_is_refused(change, said):
    assert said in replace(plan_of("fcos"), **change).fault()


def test_arrays_that_are_missing_are_named():
    head = torchvision_head_of(build_torchvision(plan_of("ssdlite")))
    name, *_ = sorted(head.arrays)
    fewer = {key: each for key, each in head.arrays.items() if key != name}
    assert name in TorchvisionHead(head.plan, fewer).fault()
