"""Modules of heads that read maps: seeded, kept, standardised by their weights, top-down."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.nets.heads.test_map_head import PLANS
from torch import nn

from headstart.nets.boxes.head import BoxPlan
from headstart.nets.boxes.net import build_boxes
from headstart.nets.heads.head_net import (
    HeadNet,
    Separable,
    arrays_of,
    to_size,
    top_down,
    with_arrays,
)
from headstart.nets.heads.map_head import MapHead
from headstart.nets.masks.net import build_dense


def net(kind: str, seed: int = 0) -> HeadNet:
    plan = PLANS[kind]
    build = build_boxes if isinstance(plan, BoxPlan) else build_dense
    return build(plan, seed=seed)  # type: ignore[operator]


def maps(offset: float = 0.0, scale: float = 1.0) -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    shapes = [(2, 4, 8, 8), (2, 6, 4, 4), (2, 8, 2, 2)]
    return [offset + scale * torch.randn(shape, generator=rng) for shape in shapes]


@pytest.mark.parametrize("kind", PLANS)
def test_weights_follow_from_the_seed_and_torchs_own_numbers_stay(kind):
    before = torch.get_rng_state()
    one, same, other = (arrays_of(net(kind, seed)) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert all((one[name] == same[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)


@pytest.mark.parametrize("kind", PLANS)
def test_it_answers_the_same_after_being_kept(kind):
    made = net(kind, 3)
    again = with_arrays(net(kind), MapHead(made.plan, arrays_of(made)))
    assert not again.training
    with torch.inference_mode():
        ours, theirs = (each.answer(maps(), 1.5) for each in (made.eval(), again))
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("kind", ["dense", "unet", "boxes"])
def test_standardisation_is_part_of_the_weights(kind):
    plain, moved = net(kind), net(kind)
    channels = [PLANS[kind].channels[each] for each in PLANS[kind].stages]
    moved.start(
        [torch.full((c,), 5.0) for c in channels], [torch.full((c,), 2.0) for c in channels]
    )
    with torch.inference_mode():
        ours, theirs = moved.answer(maps(5.0, 2.0), 1.0), plain.answer(maps(), 1.0)
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in zip(ours, theirs, strict=True))


def test_what_is_deeper_is_added_to_what_is_finer():
    same = nn.ModuleList([nn.Identity(), nn.Identity()])
    fine, deep = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 2, 2), 3.0)
    found = top_down(same, same, [fine, deep])
    assert [tuple(each.shape) for each in found] == [(1, 1, 4, 4), (1, 1, 2, 2)]
    assert (found[0] == 3).all()


def test_maps_of_the_right_size_stay_as_they_are():
    given = torch.randn(1, 2, 3, 3)
    assert to_size(given, torch.zeros(1, 5, 3, 3)) is given
    assert Separable(12)(torch.randn(1, 12, 3, 3)).shape == (1, 12, 3, 3)
    assert np.isfinite(Separable(12)(torch.randn(1, 12, 3, 3)).detach().numpy()).all()
