"""Detectors of a plan: the same of the same seed, and back from what is kept of them."""

from __future__ import annotations

import pytest
import torch
from tests.nets.torchvision_maps import KINDS, plan_of

from headstart.nets.torchvision.build import build_torchvision, torchvision_net_of
from headstart.nets.torchvision.head import torchvision_head_of


@pytest.mark.parametrize("kind", KINDS)
def test_weights_follow_from_the_seed_alone(kind):
    torch.manual_seed(4)
    before = torch.get_rng_state()
    one, again, other = (build_torchvision(plan_of(kind), seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    rows = [each.state_dict() for each in (one, again, other)]
    assert all(torch.equal(rows[0][name], each) for name, each in rows[1].items())
    assert any(not torch.equal(rows[0][name], each) for name, each in rows[2].items())
    kept = torchvision_net_of(torchvision_head_of(one))
    assert not kept.training
    assert all(torch.equal(rows[0][name], each) for name, each in kept.state_dict().items())
