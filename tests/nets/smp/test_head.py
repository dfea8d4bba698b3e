"""What is kept of decoders of segmentation-models-pytorch: the same again, or a fault by name."""

from __future__ import annotations

import json

import pytest
import torch
from tests.nets.smp_maps import KINDS, SIZE, maps, plan_of, smp_model

from headstart.nets.model import Model
from headstart.nets.place_runner import module_of
from headstart.nets.smp.head import SmpHead, smp_head_of
from headstart.nets.smp.net import build_smp


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_is_the_same_after_being_kept(kind):
    net = build_smp(plan_of(kind), seed=3).eval()
    head = smp_head_of(net)
    about = json.loads(json.dumps(head.meta()))
    again = SmpHead.from_json(about, head.tensors())
    assert again.fault() is None
    assert again.plan == head.plan
    with torch.inference_mode():
        [wanted] = net.answer(maps(), 1.5)
        [found] = module_of(again).answer(maps(), 1.5)
    assert torch.equal(found, wanted)
    assert tuple(found.shape[1:]) == head.outputs_at(SIZE)["probabilities"]


def test_arrays_that_are_missing_are_named():
    head = smp_head_of(build_smp(plan_of("linknet")))
    name, *_ = sorted(head.arrays)
    fewer = {key: each for key, each in head.arrays.items() if key != name}
    assert name in SmpHead(head.plan, fewer).fault()


def test_a_model_with_one_is_opened_again(tmp_path):
    model = smp_model("fpn", 64)
    model.save(tmp_path / "model")
    again = Model.load(tmp_path / "model")
    assert again.head.plan == model.head.plan
    assert all((again.head.arrays[name] == each).all() for name, each in model.head.arrays.items())
