"""Levels between a network and a detector: sizes, channels, and no BatchNorm among new layers."""

from __future__ import annotations

import pytest
import torch
from tests.nets.torchvision_maps import KINDS, maps, plan_of
from torch import nn

from headstart.nets.torchvision.body import HalvingBody, PyramidBody
from headstart.nets.torchvision.build import build_torchvision


@pytest.mark.parametrize("kind", KINDS)
def test_levels_are_as_large_as_the_plan_says(kind):
    plan = plan_of(kind)
    body = (HalvingBody if kind.startswith("ssd") else PyramidBody)(plan)
    levels = list(body(maps()).values())
    assert tuple(each.shape[2] for each in levels) == plan.sides
    wide = body.out_channels
    wide = wide if isinstance(wide, list) else [wide] * len(levels)
    assert [each.shape[1] for each in levels] == wide


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_told_alike_whatever_else_is_in_its_batch(kind):
    net = build_torchvision(plan_of(kind)).train()
    assert not [each for each in net.modules() if isinstance(each, nn.BatchNorm2d)]
    read = maps(count=3)
    together = net(read).outputs
    alone = net([each[:1] for each in read]).outputs
    for name, each in alone.items():
        assert torch.allclose(together[name][:1], each, atol=1e-5)
